package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/executor"
)

func newGet(a *app) *cobra.Command {
	var b buildFlags
	var f *format
	var output string
	var noBuild bool
	c := command(&cobra.Command{
		Use:   "get TARGET",
		Short: "Bring a node up to date and print its value",
		Long: `Bring a node up to date and print its value: a string as it is (--json quotes it), numbers, lists and dictionaries as
JSON, a text file's text, a binary file's bytes (to a pipe), a tree's listing, an array's dtype, shape and head.`,
		Example: `calyx get accuracy
calyx get 'train["metrics.json"]'
calyx get model -o model.safetensors
calyx get lr --no-build --json`,
		Args:              wantArgs(1, 1),
		ValidArgsFunction: a.completeNodes(anyNode, 1),
	})
	b.registerShared(c)
	c.Flags().StringVarP(&output, "output", "o", "", "write the value to `PATH` instead")
	c.Flags().BoolVar(&noBuild, "no-build", false, "print the last value; build nothing")
	c.RunE = runner(func(ctx context.Context, args []string) error {
		return a.within(ctx, func(ctx context.Context, s *session) error {
			v, err := a.valueOf(ctx, s, b, args[0], noBuild)
			if err != nil {
				return err
			}
			p, err := s.engine.Payload(ctx, v.Value)
			if err != nil {
				return err
			}
			if output != "" {
				return writeValue(output, v.Target, p)
			}
			return a.printValue(v.Target, p, f.json)
		})
	}).run
	f = formatFlags(c, "text")
	return c
}

// valueOf returns the value of a target that means one node, after building it unless that is not wanted.
func (a *app) valueOf(ctx context.Context, s *session, b buildFlags, target string, noBuild bool) (executor.TargetValue, error) {
	if noBuild {
		return a.lastValue(ctx, s, target)
	}
	o, err := b.options(ctx, s, []string{target})
	if err != nil {
		return executor.TargetValue{}, err
	}
	sum, err := a.runBuild(ctx, s, o, b.display(a, false))
	if err != nil {
		return executor.TargetValue{}, err
	}
	if err := a.verdict(sum); err != nil {
		return executor.TargetValue{}, err
	}
	if len(sum.Values) != 1 {
		return executor.TargetValue{}, usage("name one of them", "get %q: it means %d nodes", target, len(sum.Values))
	}
	return sum.Values[0], nil
}

func (a *app) lastValue(ctx context.Context, s *session, target string) (executor.TargetValue, error) {
	f, err := a.forecast(ctx, s, target)
	if err != nil {
		return executor.TargetValue{}, err
	}
	if f.Last == nil {
		return executor.TargetValue{}, &failure{
			status: exitFailed, err: fmt.Errorf("get %q: it was never built here", f.Node), hint: "without --no-build it is built first",
		}
	}
	return executor.TargetValue{Target: target, Node: f.Node, Value: f.Last.Result.Value}, nil
}
