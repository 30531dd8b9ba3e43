package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/calyx-build/calyx/cmd/calyx/internal/place"
)

// globalFlags are the flags of every command.
type globalFlags struct {
	directory, calyxfile, instance, cacheDir, color string
	verbose, quiet                                  bool
}

func (g *globalFlags) register(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVarP(&g.directory, "directory", "C", "", "work in `DIR`")
	f.StringVarP(&g.calyxfile, "calyxfile", "f", "", "use the Calyxfile `FILE` instead of the one found by walking up")
	f.StringVarP(&g.instance, "instance", "i", place.MainInstance, "the instance `NAME`: a set of stored values with its own graph")
	f.StringVar(&g.cacheDir, "cache-dir", "", "keep the cache in `DIR` (default .calyx/cache in the workspace)")
	f.StringVar(&g.color, "color", "auto", "colours: auto, always or never; NO_COLOR is honoured")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "tell more")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "tell only results and errors")
	completeFlag(root, "color", colorModes)
	_ = root.MarkPersistentFlagDirname("directory") // the flag is there: it was made above
	_ = root.MarkPersistentFlagDirname("cache-dir")
}

var colorModes = []string{"auto", "always", "never"}

// instanceName is what an instance may be called: a word that is also a good name for a file.
var instanceName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// prepare runs before each command: flags that are not given take their value from the environment, all are checked, and
// the working directory is set.
func (a *app) prepare(c *cobra.Command) error {
	if err := flagsFromEnvironment(c.Flags(), os.LookupEnv); err != nil {
		return err
	}
	if err := oneOfFlag(c, "color", a.global.color, colorModes); err != nil {
		return err
	}
	if a.global.verbose && a.global.quiet {
		return usage("", "%s: --verbose and --quiet exclude one another", c.CommandPath())
	}
	if !instanceName.MatchString(a.global.instance) {
		return usage("letters, digits, and _ . - inside", "--instance: %q is no name for an instance", a.global.instance)
	}
	if a.global.directory == "" {
		return nil
	}
	if err := os.Chdir(a.global.directory); err != nil {
		return usage("", "--directory %q: %w", a.global.directory, causeOf(err))
	}
	return nil
}

// causeOf removes the system call and the path from an error whose path is told already.
func causeOf(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// noTwin marks a flag that takes nothing from the environment.
const noTwin = "calyx-no-environment-twin"

// flagsFromEnvironment gives flags that were not on the command line the value of their twin: --cache-dir is
// CALYX_CACHE_DIR.
func flagsFromEnvironment(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	var problem error
	flags.VisitAll(func(f *pflag.Flag) {
		_, excluded := f.Annotations[noTwin]
		if problem != nil || f.Changed || f.Name == "help" || excluded {
			return
		}
		name := twin(f.Name)
		value, ok := lookup(name)
		if !ok || value == "" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			problem = usage("", "environment variable %s=%q: --%s takes %s", name, value, f.Name, valueNoun(f))
		}
	})
	return problem
}

func twin(flag string) string {
	return "CALYX_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// oneOfFlag checks a flag that takes one of a few words.
func oneOfFlag(c *cobra.Command, name, value string, words []string) error {
	if slices.Contains(words, value) {
		return nil
	}
	hint := didYouMean(value, words)
	if hint == "" {
		hint = oneOf(words)
	}
	return usage(hint, "%s: --%s cannot be %q", c.CommandPath(), name, value)
}

// completeFlag completes a flag that takes one of a few words.
func completeFlag(c *cobra.Command, name string, words []string) {
	err := c.RegisterFlagCompletionFunc(name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(fmt.Sprintf("internal error: complete --%s: %v", name, err))
	}
}
