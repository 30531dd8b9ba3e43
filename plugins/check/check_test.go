package check_test

import (
	"flag"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/calyx-build/calyx/plugins/check"
)

// programs are the plugins of the tests: this very executable, by the variable CALYX_TEST_PROGRAM.
var programs = map[string]func(){
	"sdk":   sdkPlugin,
	"model": func() { (&model{flaw: os.Getenv("CALYX_TEST_FLAW")}).serve() },
}

func TestMain(m *testing.M) {
	if program := programs[os.Getenv("CALYX_TEST_PROGRAM")]; program != nil {
		program()
		return
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil { // plugins that hang take time and no work
		panic(err)
	}
	os.Exit(m.Run())
}

// options check one of the programs.
func options(t *testing.T, program string) check.Options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "CALYX_TEST_PROGRAM="+program)
	return check.Options{Path: self, Argv: []string{self}, Dir: t.TempDir(), Env: env, Start: time.Minute, Limit: 90 * time.Second}
}

func TestSDK(t *testing.T) {
	// It takes no batches, and leaves it to the host to keep calls apart.
	lacks := []string{"batch", "queued starts", "queued answers", "cancel a queued call"}
	err := check.Run(t.Context(), options(t, "sdk"), func(r check.Result) {
		if r.Status != check.OK && !slices.Contains(lacks, r.Case) {
			t.Errorf("%s: %s: expected %s, saw %s\n%s", r.Case, r.Status, r.Expected, r.Seen, r.Stderr)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
