package reports

import (
	"context"
	"slices"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
)

// Past is one node as it was after a run.
type Past struct {
	Run Head
	// Span is what became of the node in the run; nil where it was fresh, or not asked for.
	Span *Span
	// Made is the execution or reuse, in the run MadeIn or one of its instance before it, that gave the value which the node
	// had then, and Chain the reasons of it, from the node to the root. Made is nil where the node failed or was blocked, and
	// where the recorded runs do not tell.
	Made   *Span
	MadeIn Head
	Chain  []graph.Reason
}

// LoadPast looks a node up in a recorded run and, where the run does not tell its value, in those of the instance before it.
func LoadPast(ctx context.Context, store cas.Store, workspace string, run Head, node string) (*Past, error) {
	rows, err := headRows(ctx, store, workspace)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(rows, func(h headRow) bool { return h.Run == run.Run })
	if at < 0 {
		return nil, &RunError{Spec: run.Run, Known: len(rows)}
	}
	p := &Past{Run: rows[at].Head}
	for _, h := range rows[at:] {
		if h.Instance != p.Run.Instance {
			continue
		}
		r, err := Load(ctx, store, workspace, h.Run)
		if err != nil {
			return nil, err
		}
		if p.follow(r, node) {
			break
		}
	}
	return p, nil
}

// follow takes from a run what it tells of the node, and reports whether that is all that there is to know.
func (p *Past) follow(r *Run, node string) bool {
	i, ok := numbers(r.Spans)[node]
	if !ok || r.Spans[i].Outcome == "" {
		return false
	}
	s := &r.Spans[i]
	if r.Run == p.Run.Run {
		p.Span = s
	}
	switch s.Outcome {
	case executor.Executed, executor.Cached:
		p.Made, p.MadeIn, p.Chain = s, r.Head, r.chain(i)
		return true
	}
	return p.Span != nil
}

// chain leads from the reason of a span to its root, for as far as the run tells.
func (r *Run) chain(span int) []graph.Reason {
	number := numbers(r.Spans)
	var chain []graph.Reason
	for {
		reason := r.Spans[span].Reason
		if reason.Kind == "" {
			return chain
		}
		chain = append(chain, reason)
		next, ok := number[reason.Subject]
		if reason.Kind != graph.DependencyChanged || !ok || next >= span {
			return chain
		}
		span = next
	}
}
