package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/cmd/calyx/internal/progress"
	"github.com/calyx-build/calyx/executor"
)

// buildFlags are the flags of `calyx build`; other commands that build have some of them.
type buildFlags struct {
	jobs                                                int
	set                                                 []string
	keepGoing, dryRun, force, forceAll, cachedOnly, why bool
	progress                                            string
}

func newBuild(a *app) *cobra.Command {
	var b buildFlags
	var f *format
	c := newCommand(&cobra.Command{
		Use:   "build [TARGET…]",
		Short: "Bring targets up to date",
		Long: `Bring targets up to date: those that are named, or what the Calyxfile says by default(), or every step. A target is a
node, a node with arguments, an output's path, or a pattern.`,
		Example: `calyx build
calyx build train 'sweep*' out/table.txt
calyx build 'clean(lower=False)' --set lr=0.01
calyx build -n --why`,
		ValidArgsFunction: a.completeNodes(anyNode, -1),
	})
	b.registerShared(c)
	flags := c.Flags()
	flags.BoolVarP(&b.keepGoing, "keep-going", "k", false, "after a failure, build all that does not need what failed")
	flags.BoolVarP(&b.dryRun, "dry-run", "n", false, "run nothing; tell what would run, and why")
	flags.BoolVar(&b.force, "force", false, "run the targets even if they are up to date")
	flags.BoolVar(&b.forceAll, "force-all", false, "run the targets and all that they need")
	flags.BoolVar(&b.cachedOnly, "cached-only", false, "fail if anything would have to run")
	flags.BoolVar(&b.why, "why", false, "tell before and after beside every executed node")
	c.RunE = runner(func(ctx context.Context, targets []string) error {
		return a.within(ctx, func(ctx context.Context, s *session) error {
			if b.dryRun {
				return a.dryRun(ctx, s, b, targets, f.json)
			}
			return a.buildTargets(ctx, s, b, targets, f.json)
		})
	}).run
	f = formatFlags(c, "text")
	return c
}

// registerShared adds the flags of every command that builds.
func (b *buildFlags) registerShared(c *cobra.Command) {
	flags := c.Flags()
	flags.IntVarP(&b.jobs, "jobs", "j", 0, "run at most `N` steps at once (default: one per core)")
	flags.StringArrayVar(&b.set, "set", nil, "`NAME=VALUE`: a stored value for this build alone; may be repeated")
	flags.StringVar(&b.progress, "progress", "auto", "how to show progress: auto, tty, plain or none")
	completeFlag(c, "progress", progressModes)
	c.PreRunE = func(c *cobra.Command, _ []string) error { return oneOfFlag(c, "progress", b.progress, progressModes) }
}

// options checks the flags and makes them the engine's.
func (b *buildFlags) options(ctx context.Context, s *session, targets []string) (executor.Options, error) {
	if b.jobs < 0 {
		return executor.Options{}, usage("", "--jobs: %d is less than one", b.jobs)
	}
	set, err := parseOverrides(b.set)
	if err != nil {
		return executor.Options{}, err
	}
	targets, err = s.targets(ctx, targets)
	return executor.Options{
		Targets: targets, Jobs: b.jobs, KeepGoing: b.keepGoing, Set: set,
		Force: b.force, ForceAll: b.forceAll, CachedOnly: b.cachedOnly,
	}, err
}

// parseOverrides reads what --set was given.
func parseOverrides(words []string) (map[string]string, error) {
	set := map[string]string{}
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return nil, usage("", "--set %q: it must be NAME=VALUE", word)
		}
		set[name] = value
	}
	return set, nil
}

func (a *app) buildTargets(ctx context.Context, s *session, b buildFlags, targets []string, asJSON bool) error {
	o, err := b.options(ctx, s, targets)
	if err != nil {
		return err
	}
	sum, err := a.runBuild(ctx, s, o, b.display(a, asJSON))
	if err != nil {
		return err
	}
	if !asJSON {
		a.say("%s", progress.Closing(sum.Summary))
	}
	return sum.verdict()
}

// verdict is the exit status of a build, with the words that go with it.
func (b built) verdict() error {
	switch {
	case b.Interrupted:
		return &failure{status: exitInterrupted, err: errors.New("interrupted")}
	case len(b.Moved) > 0:
		return &failure{
			status: exitFailed,
			err:    fmt.Errorf("inputs changed while they were used: %s", someOf(b.Moved)),
			hint:   "what was built from them is not recorded; build again",
		}
	case b.failed.declared:
		return &failure{status: exitUsage, err: fmt.Errorf("the Calyxfile is wrong: %s failed", someOf(b.failed.steps))}
	case len(b.failed.steps) > 0:
		return &failure{
			status: exitFailed,
			err:    fmt.Errorf("%s failed: %s", console.Count(len(b.failed.steps), "step"), someOf(b.failed.steps)),
			hint:   b.failed.hint(),
		}
	case len(b.failed.inputs) > 0:
		return &failure{status: exitFailed, err: fmt.Errorf("%s without a value: %s", console.CountIs(len(b.failed.inputs), "input"), someOf(b.failed.inputs))}
	case !b.OK:
		return &failure{status: exitFailed, err: errors.New("the targets are not up to date")}
	}
	return nil
}

// hint says how to go on from the first step that failed.
func (f failures) hint() string {
	if f.refused {
		return "without --cached-only it runs"
	}
	first := shellWord(f.steps[0])
	return fmt.Sprintf("`calyx log %s` shows all that it printed; `calyx exec %s` runs it by hand", first, first)
}

// maxNamed is how many names a message lists.
const maxNamed = 5

// someOf lists the first few names.
func someOf(names []string) string {
	shown := make([]string, 0, maxNamed)
	for _, n := range names[:min(len(names), maxNamed)] {
		shown = append(shown, console.Line(n))
	}
	text := strings.Join(shown, ", ")
	if more := len(names) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
