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
	earlier, err := loadEarlier(ctx, store, workspace, run)
	if err != nil {
		return nil, err
	}
	return earlier.past(node)
}

// LoadPastList looks up the steps that the list of a matrix consisted of after a run. Where no recorded run tells of the
// list, they are those in otherwise.
func LoadPastList(ctx context.Context, store cas.Store, workspace string, run Head, list string, otherwise []string) ([]string, []*Past, error) {
	earlier, err := loadEarlier(ctx, store, workspace, run)
	if err != nil {
		return nil, nil, err
	}
	steps, err := earlier.stepsOf(list, otherwise)
	if err != nil {
		return nil, nil, err
	}
	all := make([]*Past, len(steps))
	for i, step := range steps {
		if all[i], err = earlier.past(step); err != nil {
			return nil, nil, err
		}
	}
	return steps, all, nil
}

// earlier are a run and those of its instance before it, newest first, each loaded when it is asked for.
type earlier struct {
	heads  []Head
	loaded []numberedRun
	load   func(run string) (*Run, error)
}

// numberedRun is a run that knows which span is whose.
type numberedRun struct {
	*Run
	number map[string]int
}

func loadEarlier(ctx context.Context, store cas.Store, workspace string, run Head) (*earlier, error) {
	rows, err := headRows(ctx, store, workspace)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(rows, func(h headRow) bool { return h.Run == run.Run })
	if at < 0 {
		return nil, &RunError{Spec: run.Run, Known: len(rows)}
	}
	e := &earlier{load: func(run string) (*Run, error) { return Load(ctx, store, workspace, run) }}
	for _, h := range rows[at:] {
		if h.Instance == rows[at].Instance {
			e.heads = append(e.heads, h.Head)
		}
	}
	return e, nil
}

// run returns the run at a place, 0 for the one that was asked for.
func (e *earlier) run(at int) (numberedRun, error) {
	if at < len(e.loaded) {
		return e.loaded[at], nil
	}
	r, err := e.load(e.heads[at].Run)
	if err != nil {
		return numberedRun{}, err
	}
	e.loaded = append(e.loaded, numberedRun{r, numbers(r.Spans)})
	return e.loaded[at], nil
}

func (e *earlier) past(node string) (*Past, error) {
	p := &Past{Run: e.heads[0]}
	for at := range e.heads {
		r, err := e.run(at)
		if err != nil {
			return nil, err
		}
		if p.follow(r, node) {
			break
		}
	}
	return p, nil
}

// stepsOf are the steps of a list, as the latest run that tells of it has them.
func (e *earlier) stepsOf(list string, otherwise []string) ([]string, error) {
	for at := range e.heads {
		r, err := e.run(at)
		if err != nil {
			return nil, err
		}
		if i, ok := r.number[list]; ok && r.Spans[i].Outcome == "" {
			return r.Spans[i].Deps, nil
		}
	}
	return otherwise, nil
}

// follow takes from a run what it tells of the node, and reports whether that is all that there is to know.
func (p *Past) follow(r numberedRun, node string) bool {
	i, ok := r.number[node]
	if !ok || r.Spans[i].Outcome == "" {
		return false
	}
	s := &r.Spans[i]
	if r.Head.Run == p.Run.Run {
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
func (r numberedRun) chain(span int) []graph.Reason {
	var chain []graph.Reason
	for {
		reason := r.Spans[span].Reason
		if reason.Kind == "" {
			return chain
		}
		chain = append(chain, reason)
		next, ok := r.number[reason.Subject]
		if reason.Kind != graph.DependencyChanged || !ok || next >= span {
			return chain
		}
		span = next
	}
}
