package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/gofrs/flock"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/castest"
	"github.com/calyx-build/calyx/cas/local"
	"github.com/calyx-build/calyx/cas/server"
)

// The test's executable is also the programs that the tests start: the first argument says which, the second is the
// cache folder.
var programs = map[string]func(dir string) error{
	"calyx-test-server": serveProgram,
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

// serveProgram serves, and leaves its process id beside the folder.
func serveProgram(dir string) error {
	if err := os.WriteFile(dir+pidSuffix, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return err
	}
	return server.Run(context.Background(), dir, os.Stdout)
}

const pidSuffix = ".server"

// endServer kills the server of a folder and waits for its end: its files are about to be removed.
func endServer(t testing.TB, dir string) {
	text, err := os.ReadFile(dir + pidSuffix)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	pid, numberErr := strconv.Atoi(string(text))
	if err = errors.Join(err, numberErr); err != nil {
		t.Error(err)
		return
	}
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill() // it may have left by itself
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	if err := errors.Join(lock.Lock(), lock.Unlock()); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
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
	t.Cleanup(func() { endServer(t, dir) })
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
