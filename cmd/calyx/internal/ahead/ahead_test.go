package ahead

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestPlainBuildsAreUnderstood(t *testing.T) {
	for _, tt := range []struct {
		args string
		want line
	}{
		{"build", line{}},
		{"build -q", line{quiet: true}},
		{"build --quiet --keep-going -k", line{quiet: true}},
		{"build train out/table.txt", line{targets: []string{"train", "out/table.txt"}}},
		{"build -j 4 train", line{targets: []string{"train"}, jobs: 4}},
		{"build -j 4 --jobs 0", line{}},
		{"build --progress none", line{}},
		{"build --progress plain -q clean(lower=False)", line{targets: []string{"clean(lower=False)"}, quiet: true}},
	} {
		got, ok := parse(strings.Fields(tt.args))
		if !ok || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("parse(%q) = %+v, %v, want %+v", tt.args, got, ok, tt.want)
		}
	}
}

// Whatever is not understood here is left to the program, which has the words for what is wrong.
func TestOtherCommandLinesAreLeft(t *testing.T) {
	for _, args := range []string{
		"", "why", "-q build", "buildx", "build -n", "build -v", "build --json", "build --force", "build --set x=1", "build --cached-only",
		"build -i other", "build -C dir", "build -f file", "build --cache-dir x", "build -j", "build -j x", "build -j -1", "build -qk",
		"build --progress", "build --progress tty", "build --progress=none", "build train@-1", "build --", "build -- train", "build -h",
	} {
		if got, ok := parse(strings.Fields(args)); ok {
			t.Errorf("parse(%q) = %+v, want it left", args, got)
		}
	}
}

func TestVariablesStandForFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("Calyxfile", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	plain := begin([]string{"build"}, []string{"PATH=/bin"})
	if plain == nil {
		t.Fatal("no look was begun for a plain build")
	}
	<-plain.done
	if begin([]string{"build"}, []string{"PATH=/bin", "CALYX_CACHE_DIR=/x"}) != nil {
		t.Error("a look was begun although a variable says where the cache is")
	}
}
