package executor

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// codeChain goes on from a changed function to the piece of code that changed: the function itself, or a helper that it
// reaches. The descriptions of then and now tell; where the old one is lost, the function is all that can be named.
func (l *loop) codeChain(n *node, own graph.Reason) []graph.Reason {
	chain := []graph.Reason{own}
	before, ok := l.partsThen(n.record.Components, own.Subject)
	if !ok {
		return chain
	}
	now, ok := l.partsThen(n.act.components, own.Subject)
	if !ok {
		return chain
	}
	if was, is := firstChanged(before, now); was.Name+is.Name == "" {
		return chain
	} else if len(now) > 0 && is.Name == now[0].Name {
		chain[0].Diff = changedLines(was.Source, is.Source)
	} else {
		r := graph.Reason{Kind: graph.CodeChanged, Node: n.name, Subject: is.Name, Before: was.Code, After: is.Code, Diff: changedLines(was.Source, is.Source)}
		if is.Name == "" {
			r.Subject = was.Name
		}
		chain = append(chain, r)
	}
	return chain
}

// partsThen are the parts of a function by the description that a key's part speaks of.
func (l *loop) partsThen(components []trace.Component, function string) ([]PartDescription, bool) {
	i := slices.IndexFunc(components, func(c trace.Component) bool { return c.Kind == partFunction && c.Subject == function })
	if i < 0 || components[i].Tree.IsZero() {
		return nil, false
	}
	d, err := l.descriptionOf(components[i].Tree)
	if err != nil {
		return nil, false
	}
	at := slices.IndexFunc(d.Functions, func(f FunctionDescription) bool { return f.Name == function })
	if at < 0 {
		return nil, false
	}
	var parts []PartDescription
	for _, p := range d.Functions[at].Parts {
		if p < len(d.Parts) {
			parts = append(parts, d.Parts[p])
		}
	}
	return parts, len(parts) > 0
}

// descriptionOf reads a description that the cache holds, once in a build.
func (l *loop) descriptionOf(digest hashing.Digest) (*Description, error) {
	if d, ok := l.descriptions[digest]; ok {
		return d, nil
	}
	if p := l.e.cfg.Program; p != nil && jsonValue(p.text).Digest == digest { // nothing has kept it yet
		return p.description, nil
	}
	found, err := l.e.store.Get(l.ctx, digest)
	if err != nil {
		return nil, err
	}
	var d Description
	if err := json.Unmarshal(found[0], &d); err != nil { // nothing, where it is lost
		return nil, err
	}
	l.descriptions[digest] = &d
	return &d, nil
}

// firstChanged is the first part whose text is other than it was, else the first of which anything is, then one that is new, then one
// that is gone: the zero part stands for what is not there. A part may be there twice.
func firstChanged(before, now []PartDescription) (was, is PartDescription) {
	then, stands := byName(before), byName(now)
	for _, p := range now {
		old, ok := then[p.Name]
		if !ok || old.Code == p.Code {
			continue
		}
		if old.Source != p.Source {
			return old, p
		}
		if is.Name == "" {
			was, is = old, p
		}
	}
	if is.Name != "" {
		return was, is
	}
	for _, p := range now {
		if _, ok := then[p.Name]; !ok {
			return PartDescription{}, p
		}
	}
	for _, p := range before {
		if _, ok := stands[p.Name]; !ok {
			return p, PartDescription{}
		}
	}
	return was, is
}

func byName(parts []PartDescription) map[string]PartDescription {
	named := make(map[string]PartDescription, len(parts))
	for _, p := range parts {
		named[p.Name] = p
	}
	return named
}

// mostLines is how many lines of a difference are kept with a reason.
const mostLines = 12

// changedLines are the first lines that differ between two texts, with a line around them.
func changedLines(before, now string) string {
	if before == "" || now == "" || before == now {
		return ""
	}
	unified := string(diff.Diff("before", []byte(before), "now", []byte(now)))
	var kept []string
	for _, line := range strings.Split(strings.TrimRight(unified, "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "diff "), strings.HasPrefix(line, "--- before"), strings.HasPrefix(line, "+++ now"), strings.HasPrefix(line, "@@ "):
		case len(kept) == mostLines:
			return strings.Join(append(kept, "…"), "\n")
		case strings.HasPrefix(line, "+"), strings.HasPrefix(line, "-"):
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
