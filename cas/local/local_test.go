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

// serverArg makes the test's executable a store server for the folder that follows.
const serverArg = "calyx-test-store-server"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == serverArg {
		if err := server.Run(context.Background(), os.Args[2], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func connect(t testing.TB, dir string, warn func(string)) *local.Store {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := local.Connect(context.Background(), local.Options{Dir: dir, Server: []string{exe, serverArg, dir}, Warn: warn})
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
