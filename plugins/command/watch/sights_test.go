//go:build linux && (amd64 || arm64)

package watch_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestShellSights runs shell lines and compares what they did in their folder: c for content, s for status, l for a link,
// n for names, i for what it is itself, a star for what was changed.
func TestShellSights(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		want       []string
	}{
		{"nothing", ":", nil},
		{"a file is read", "read x < in/a", []string{"in/a c"}},
		{"a file is not there", "cat in/none 2> /dev/null || :", []string{"in/none c"}},
		{"a file is looked for", "test -e in/a; test -e in/none || :", []string{"in/a s", "in/none s"}},
		{"a folder is listed", "ls in > /dev/null", []string{"in csn"}},
		{"a link is followed", "cat ln > /dev/null", []string{"in/a c", "ln l"}},
		{"a link to a folder is followed", "cat dir/a > /dev/null", []string{"dir l", "in/a c"}},
		{"a link is asked for", "readlink ln > /dev/null", []string{"ln l"}},
		{"dots are resolved as the system does", "cat dir/../in/./a > /dev/null", []string{"dir l", "in i", "in/a c"}},
		{"up from a folder", "cat in/../b > /dev/null", []string{"b c", "in i"}},
		{"up from where it is", "cd in && cat ../b > /dev/null", []string{"b c", "in si"}},
		{"elsewhere", "cd in && cat a > /dev/null && (cd .. && cat b > /dev/null)", []string{"b c", "in s", "in/a c"}},
		{"a folder that is gone into is not there", "cd none 2> /dev/null || :", []string{"none s"}},
		{"a link is gone through", "cd dir; cat a > /dev/null", []string{"dir l", "in s", "in/a c"}},
		{"whether it is a link", "test -L b; test -L ln", []string{"b i", "ln i"}},
		{"a file is made", "echo > out", []string{"out *"}},
		{"its own file is read", "echo > out; cat out > /dev/null", []string{"out *"}},
		{"a file is appended to", "echo >> b", []string{"b c*"}},
		{"a file is removed", "rm -f b", []string{"b i*"}},
		{"a file is moved", "mv b c", []string{"b c*", "c *"}},
		{"a folder is made", "mkdir d", []string{"d i*"}},
		{"a link is made", "ln -s b c && cat c > /dev/null", []string{"b c", "c i*"}},
		{"a script is run", "./run", []string{"b c", "run c"}},
		{"a script that was read is run", "cat ./named > /dev/null; ./named", []string{"named c", "sh l"}},
		{"a script is run that was another before", "./run; echo '#!./sh' > run; ./run", []string{"b c", "run c*", "sh l"}},
		{"one name for what is elsewhere later", "cat /proc/self/cwd/a 2> /dev/null; cd in; cat /proc/self/cwd/a > /dev/null", []string{"a c", "in s", "in/a c"}},
		{"links in a circle", "cat round/x 2> /dev/null || :", []string{"back l", "round l", "round/x c"}},
		{"in a pipeline", "cat b | cat in/a - | cat > /dev/null", []string{"b c", "in/a c"}},
		{"through a descriptor", "cat /dev/fd/4 4< b > /dev/null", []string{"b c"}},
		{"in the background", ": > done; (cat b > done &); while ! test -s done; do :; done", []string{"b c", "done *"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := folder(t)
			write(t, root, "in/a", "a\n")
			write(t, root, "b", "b\n")
			write(t, root, "run", "#!/bin/sh\ncat b > /dev/null\n")
			write(t, root, "named", "#!./sh\n")
			for link, to := range map[string]string{"ln": "in/a", "dir": "in", "sh": "/bin/sh", "round": "back/", "back": "./round"} {
				if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
					t.Fatal(err)
				}
			}
			status, all, err := watched(t, root, "/bin/sh", "-c", tt.line)
			if err != nil || status != 0 {
				t.Fatalf("status %v, error %v", status, err)
			}
			if got := describe(root, all); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
