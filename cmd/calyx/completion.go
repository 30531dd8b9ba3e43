package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/graph"
)

// bashWords stands in for the function that cobra's script needs of the package bash-completion, which is missing from many
// containers. Bash takes colons and equals signs for ends of words; the line itself is split at spaces alone.
const bashWords = `if ! declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref() {
        local line=${COMP_LINE:0:COMP_POINT}
        read -ra words <<<"$line"
        [[ $line == *[[:space:]] ]] && words+=("")
        cword=$((${#words[@]} - 1))
        cur=${words[cword]}
        prev=${words[cword - 1]}
    }
fi
`

var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletion(a *app) *cobra.Command {
	c := newCommand(&cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Write what makes a shell complete commands, flags and node names",
		Example: `source <(calyx completion bash)
calyx completion zsh > "${fpath[1]}/_calyx"
calyx completion fish > ~/.config/fish/completions/calyx.fish`,
		ValidArgs: shells,
		Args:      wantArgs(1, 1),
	})
	c.RunE = func(c *cobra.Command, args []string) error {
		root := c.Root()
		switch args[0] {
		case "bash":
			if _, err := io.WriteString(a.stdout, bashWords); err != nil {
				return err
			}
			return root.GenBashCompletionV2(a.stdout, true)
		case "zsh":
			return root.GenZshCompletion(a.stdout)
		case "fish":
			return root.GenFishCompletion(a.stdout, true)
		case "powershell":
			return root.GenPowerShellCompletionWithDesc(a.stdout)
		}
		hint := didYouMean(args[0], shells)
		if hint == "" {
			hint = oneOf(shells)
		}
		return usage(hint, "%s: there is no completion for the shell %q", c.CommandPath(), args[0])
	}
	return c
}

// completer completes arguments.
type completer = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completeNodes completes the names of the nodes that which accepts, up to most arguments (negative: any number), and
// files, since outputs are targets too.
func (a *app) completeNodes(which func(*graph.Node) bool, most int) completer {
	return func(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if most >= 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		nodes := a.declaredNodes(c)
		return candidates(nodes, which, args, begun), cobra.ShellCompDirectiveDefault
	}
}

// completionPatience is how long a shell waits for what it may complete: a plugin may have to describe itself first.
const completionPatience = 3 * time.Second

// declaredNodes evaluates the Calyxfile. Completion never complains: where that fails there is nothing to complete.
func (a *app) declaredNodes(c *cobra.Command) []*graph.Node {
	a.global.quiet = true
	if a.prepare(c) != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(a.signals.ctx, completionPatience)
	defer cancel()
	var nodes []*graph.Node
	err := a.within(ctx, func(ctx context.Context, s *session) error {
		d, err := s.engine.Graph(ctx)
		if err == nil {
			nodes = d.Nodes
		}
		return err
	})
	if err != nil {
		return nil
	}
	return nodes
}

// candidates lists the names that begin as typed and were not given yet, each with its documentation.
func candidates(nodes []*graph.Node, which func(*graph.Node) bool, given []string, begun string) []string {
	taken := map[string]bool{}
	for _, g := range given {
		taken[g] = true
	}
	var names []string
	for _, n := range nodes {
		if !strings.HasPrefix(n.Name, begun) || taken[n.Name] || !which(n) {
			continue
		}
		if doc := firstLine(n.Doc); doc != "" {
			names = append(names, cobra.CompletionWithDesc(n.Name, doc))
		} else {
			names = append(names, n.Name)
		}
	}
	return names
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

func anyNode(*graph.Node) bool { return true }

func isStep(n *graph.Node) bool { return n.Stored == nil }

func isParameter(n *graph.Node) bool {
	return n.Stored != nil && n.Stored.Path == "" && n.Stored.Glob == ""
}
