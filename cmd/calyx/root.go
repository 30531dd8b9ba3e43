package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The groups under which help lists the commands.
const (
	groupBuild      = "build"
	groupValues     = "values"
	groupUnderstand = "understand"
	groupShare      = "share"
)

func newRoot(a *app) *cobra.Command {
	root := newCommand(&cobra.Command{
		Use:   "calyx",
		Short: "A build tool for ML and LLM pipelines that knows why",
		Long: `calyx turns a pipeline, declared in a Calyxfile, into a graph of memoised nodes. A node is computed once, kept by
content, and computed again only when something that it really used has changed.`,
		Example:           "calyx init\ncalyx build\ncalyx set lr 0.01\ncalyx status\ncalyx why train",
		PersistentPreRunE: func(c *cobra.Command, _ []string) error { return a.prepare(c) },
		RunE:              unknownCommand,
		Args:              cobra.ArbitraryArgs,
	})
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(newHelp())
	root.SetFlagErrorFunc(flagError)
	root.PersistentFlags().SortFlags = false
	a.global.register(root)
	root.AddGroup(
		&cobra.Group{ID: groupBuild, Title: "Building:"},
		&cobra.Group{ID: groupValues, Title: "Values:"},
		&cobra.Group{ID: groupUnderstand, Title: "Understanding:"},
		&cobra.Group{ID: groupShare, Title: "Sharing and upkeep:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupBuild, newBuild(a), newExec(a), newInit(a), newLs(a), newClean(a))
	add(groupValues, newGet(a), newSet(a), newUnset(a))
	add(groupUnderstand, newStatus(a), newWhy(a), newGraph(a), newInfo(a), newStats(a), newLog(a), newHistory(a), newDiff(a), newPlan(a), newProfile(a))
	add(groupShare, newCache(a), newPlugin(a), newVersion(a), newCompletion(a))
	root.AddCommand(newStoreServer(a), newSession(a))
	return root
}

// family is a command that only has commands below it.
func family(c *cobra.Command, below ...*cobra.Command) *cobra.Command {
	c.Args = cobra.ArbitraryArgs
	c.RunE = unknownCommand
	c = newCommand(c)
	c.AddCommand(below...)
	return c
}

// unknownCommand is what a command with others below it does itself: help, or the nearest command.
func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	hint := didYouMean(args[0], commandNames(c))
	if hint == "" {
		hint = fmt.Sprintf("`%s --help` lists the commands", c.CommandPath())
	}
	return usage(hint, "unknown command %q for %q", args[0], c.CommandPath())
}

func commandNames(c *cobra.Command) []string {
	var names []string
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return names
}

// flagError says what is wrong with the flags, and the nearest flag.
func flagError(c *cobra.Command, err error) error {
	// Words before the wrong flag stand in Args already; on a command of commands the first of them is the mistake.
	if words := c.Flags().Args(); c.HasSubCommands() && len(words) > 0 {
		return unknownCommand(c, words)
	}
	hint := fmt.Sprintf("`%s --help` lists the flags", c.CommandPath())
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		f := invalid.GetFlag()
		return usage(hint, "%s: --%s cannot be %q: it takes %s", c.CommandPath(), f.Name, invalid.GetValue(), valueNoun(f))
	}
	if !errors.As(err, &unknown) {
		return usage(hint, "%s: %w", c.CommandPath(), err)
	}
	if unknown.GetSpecifiedShortnames() != "" {
		return usage(hint, "%s: unknown flag %q", c.CommandPath(), "-"+unknown.GetSpecifiedName())
	}
	if near := didYouMean("--"+unknown.GetSpecifiedName(), flagNames(c)); near != "" {
		hint = near
	}
	for _, sub := range c.Commands() { // --version, of other programs
		if sub.Name() == unknown.GetSpecifiedName() {
			hint = fmt.Sprintf("did you mean `%s`?", sub.CommandPath())
		}
	}
	return usage(hint, "%s: unknown flag %q", c.CommandPath(), "--"+unknown.GetSpecifiedName())
}

// valueNoun says what a flag takes.
func valueNoun(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int":
		return "a whole number"
	case "bool":
		return "true or false"
	}
	return "a " + f.Value.Type()
}

func flagNames(c *cobra.Command) []string {
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	return names
}

func newHelp() *cobra.Command {
	return newCommand(&cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Explain a command",
		Example: "calyx help why",
		// Help asks for nothing that could go wrong.
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		ValidArgsFunction: func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return commandNames(c.Root()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(found, rest)
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	})
}

// wantArgs checks how many arguments there are; names are theirs, as the usage line spells them.
func wantArgs(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		hint := fmt.Sprintf("usage: %s", c.UseLine())
		switch {
		case len(args) < least:
			return usage(hint, "%s: an argument is missing", c.CommandPath())
		case most == 0:
			return usage(hint, "%s: it takes no arguments, and got %q", c.CommandPath(), args[0])
		}
		return usage(hint, "%s: unexpected argument %q", c.CommandPath(), args[most])
	}
}

// oneOf is a hint that lists the words that are right.
func oneOf(words []string) string { return "it is one of " + strings.Join(words, ", ") }
