package main

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
)

// sessionValue is a value for a program that goes on with it: content in place, or a file or folder to be read.
type sessionValue struct {
	Media      string         `json:"media_type"`
	Inline     []byte         `json:"inline,omitempty"`
	Path       string         `json:"path,omitempty"`
	Executable bool           `json:"executable,omitempty"`
	Items      []sessionValue `json:"items,omitempty"`
}

// sessionAnswer is what `calyx session-get` prints: the value, and what it stands on.
type sessionAnswer struct {
	Value  *sessionValue    `json:"value,omitempty"`
	Failed []string         `json:"failed,omitempty"` // the nodes that failed, in the order in which they did
	Looked *executor.Looked `json:"looked,omitempty"`
}

// newSessionGet is for SDKs whose functions run in the process that asks.
func newSessionGet(a *app) *cobra.Command {
	var b buildFlags
	c := newCommand(&cobra.Command{
		Use:     "session-get TARGET",
		Short:   "Bring a node up to date for the session of an SDK",
		Example: "calyx session-get 'clean(lower=False)'",
		Hidden:  true,
		Args:    wantArgs(1, 1),
	})
	b.registerShared(c)
	c.RunE = runner(func(ctx context.Context, args []string) error {
		return a.within(ctx, func(ctx context.Context, s *session) error {
			o, err := b.options(ctx, s, args)
			if err != nil {
				return err
			}
			o.Values = true
			built, err := a.runBuild(ctx, s, o, b.display(a, false))
			if err != nil {
				return err
			}
			if err := built.verdict(); err != nil {
				return a.answerFailed(built, err)
			}
			answer := sessionAnswer{Looked: s.engine.Looked(o)}
			if answer.Value, err = s.sessionValue(ctx, built.Values[0]); err != nil {
				return err
			}
			return a.printJSON(answer)
		})
	}).run
	return c
}

func (a *app) answerFailed(b built, err error) error {
	if e := a.printJSON(sessionAnswer{Failed: append(b.failed.steps, b.failed.inputs...)}); e != nil {
		return e
	}
	return err
}

func (s *session) sessionValue(ctx context.Context, t executor.TargetValue) (*sessionValue, error) {
	p, err := s.load(ctx, t)
	if err != nil {
		return nil, err
	}
	if t.Value.Media == trace.MediaTree && t.Path == "" {
		if p, err = s.engine.Payload(ctx, t.Value); err != nil {
			return nil, err
		}
	}
	v := sessionValueOf(p)
	if v.Path != "" && !filepath.IsAbs(v.Path) {
		v.Path = filepath.Join(s.root, v.Path)
	}
	return &v, nil
}

func sessionValueOf(p executor.Payload) sessionValue {
	v := sessionValue{Media: p.Value.Media, Inline: p.Inline, Path: p.Path, Executable: p.Value.Exec}
	for _, item := range p.Items {
		v.Items = append(v.Items, sessionValueOf(item))
	}
	return v
}
