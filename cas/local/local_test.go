package local_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/castest"
	"github.com/calyx-build/calyx/cas/local"
	"github.com/calyx-build/calyx/cas/server"
)

// The test's executable is also the programs that the tests start: the first argument says which, the second is the
// cache folder.
var programs = map[string]func(dir string) error{
	"calyx-test-server": func(dir string) error { return server.Run(context.Background(), dir, os.Stdout) },
	"calyx-test-write":  writeProgram,
	"calyx-test-count":  countProgram,
	"calyx-test-lease":  leaseProgram,
}

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && programs[os.Args[1]] != nil {
		if err := programs[os.Args[1]](os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func shared(dir string, warn func(string)) (*local.Store, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return local.Connect(context.Background(), local.Options{Dir: dir, Server: []string{exe, "calyx-test-server", dir}, Warn: warn})
}

func connect(t testing.TB, dir string, warn func(string)) *local.Store {
	t.Helper()
	s, err := shared(dir, warn)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func own(t testing.TB, dir string, warn func(string)) *local.Store {
	t.Helper()
	s, err := local.Open(dir, warn)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOwned(t *testing.T) {
	castest.Suite{
		Open:   func(t *testing.T, dir string, warn func(string)) cas.Store { return own(t, dir, warn) },
		Damage: local.Damage,
	}.Run(t)
}

func TestShared(t *testing.T) {
	castest.Suite{
		Open:   func(t *testing.T, dir string, warn func(string)) cas.Store { return connect(t, dir, warn) },
		Damage: local.Damage,
		Shared: true,
	}.Run(t)
}
