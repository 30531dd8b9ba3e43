package local_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/castest"
	"github.com/calyx-build/calyx/cas/folder"
	"github.com/calyx-build/calyx/cas/local"
	"github.com/calyx-build/calyx/hashing"
)

// rounds is how often a test tries its luck: more where CALYX_SOAK is set.
func rounds(normal int) int {
	if os.Getenv("CALYX_SOAK") != "" {
		return 20 * normal
	}
	return normal
}

// program starts one of the programs; it is killed at the end of the test, and its output can be read.
func program(t *testing.T, name, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0], name, dir)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, cmd) })
	return cmd, bufio.NewScanner(out)
}

// stop kills a program and waits for its end; a second call does nothing.
func stop(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if cmd.ProcessState != nil {
		return
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // it was killed
}

// written is what the writer commits under a number.
func written(n int) (txn cas.Txn, blob []byte) {
	blob = []byte(strings.Repeat(fmt.Sprintf("blob %d\n", n), 1+n%40))
	if n%50 == 0 {
		blob = []byte(strings.Repeat(string(blob), 1+2*cas.InlineLimit/len(blob)))
	}
	return cas.Txn{
		Blobs: [][]byte{blob},
		If:    []cas.Row{{Key: fmt.Appendf(nil, "n%d", n)}},
		Put:   []cas.Row{{Key: fmt.Appendf(nil, "n%d", n), Value: []byte(hashing.Sum(blob).String())}},
	}, blob
}

// writeProgram applies one numbered transaction after the other, from a few goroutines, beginning with the number in its
// environment, and prints the number of each when it is applied: from then on it outlives all processes.
func writeProgram(dir string) error {
	var first int
	if _, err := fmt.Sscan(os.Getenv("FIRST"), &first); err != nil {
		return err
	}
	s, err := shared(dir, func(string) {})
	if err != nil {
		return err
	}
	var next atomic.Int64
	next.Store(int64(first))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				txn, _ := written(n)
				results, err := s.Apply(context.Background(), txn)
				if err != nil || !results[0].Applied {
					fmt.Println("failed:", n, results, err)
					return
				}
				fmt.Println(n)
			}
		})
	}
	group.Wait()
	return nil
}

// TestKill kills a writer and its server at random moments and looks whether all that was acknowledged is there.
func TestKill(t *testing.T) {
	for range rounds(1) {
		killOften(t, t.TempDir())
	}
}

func killOften(t *testing.T, dir string) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, rand.Uint64()))
	committed, first := map[int]bool{}, 0
	for range 30 {
		t.Setenv("FIRST", strconv.Itoa(first))
		writer, out := program(t, "calyx-test-write", dir)
		for acknowledgements := random.IntN(100); acknowledgements >= 0 && out.Scan(); acknowledgements-- {
			note(t, committed, out.Text())
		}
		if random.IntN(2) == 0 {
			local.KillServer(t, dir)
		}
		for more := random.IntN(20); more > 0 && out.Scan(); more-- {
			note(t, committed, out.Text())
		}
		kill(t, random, dir, writer)
		for out.Scan() {
			note(t, committed, out.Text())
		}
		stop(t, writer)
		first = expectCommitted(t, dir, committed)
	}
	if len(committed) == 0 {
		t.Fatal("nothing was committed")
	}
}

// kill kills the writer and its server, in either order.
func kill(t *testing.T, random *rand.Rand, dir string, writer *exec.Cmd) {
	t.Helper()
	victims := []func(){
		func() { local.KillServer(t, dir) },
		func() { _ = writer.Process.Kill() },
	}
	random.Shuffle(2, func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
	for _, kill := range victims {
		kill()
	}
}

func note(t *testing.T, committed map[int]bool, line string) {
	t.Helper()
	n, err := strconv.Atoi(line)
	if err != nil {
		t.Fatalf("the writer says: %s", line)
	}
	committed[n] = true
}

// expectCommitted reads everything back and returns a number that nobody has used.
func expectCommitted(t *testing.T, dir string, committed map[int]bool) (unused int) {
	t.Helper()
	s := connect(t, dir, func(text string) { t.Error(text) })
	defer closeStore(t, s)
	found := map[int]string{}
	err := s.Scan(context.Background(), []byte("n"), func(key, value []byte) bool {
		n, err := strconv.Atoi(string(key[1:]))
		if err != nil {
			t.Fatal(err)
		}
		found[n] = string(value)
		unused = max(unused, n+1)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	expectBlobs(t, s, committed, found)
	return unused
}

func expectBlobs(t *testing.T, s cas.Store, committed map[int]bool, found map[int]string) {
	t.Helper()
	numbers := slices.Collect(maps.Keys(committed))
	digests := make([]hashing.Digest, len(numbers))
	for i, n := range numbers {
		_, blob := written(n)
		digests[i] = hashing.Sum(blob)
	}
	blobs, err := s.Get(context.Background(), digests...)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range numbers {
		if found[n] != digests[i].String() || blobs[i] == nil {
			t.Errorf("transaction %d was acknowledged, and now its row is %q, its blob has %d bytes", n, found[n], len(blobs[i]))
		}
	}
}

const increments = 200

// countProgram adds to a counter.
func countProgram(dir string) error {
	s, err := shared(dir, func(string) {})
	if err != nil {
		return err
	}
	for range increments {
		if _, err := castest.Increment(context.Background(), s, "counter"); err != nil {
			return err
		}
		fmt.Println("added")
	}
	return s.Close()
}

// TestCounter lets several processes count while their servers are killed and stopped. No call may fail, and no count
// may be lost or made twice.
func TestCounter(t *testing.T) {
	dir := t.TempDir()
	const processes = 4
	var group sync.WaitGroup
	added := make(chan struct{}, processes*increments)
	for range processes {
		cmd, out := program(t, "calyx-test-count", dir)
		group.Go(func() {
			for out.Scan() {
				added <- struct{}{}
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("a process that counts ended with: %v", err)
			}
		})
	}
	go func() {
		group.Wait()
		close(added)
	}()
	n := 0
	for range added {
		if n++; n%40 == 0 {
			hit(t, dir, n%200 == 0)
		}
	}
	s := connect(t, dir, silent)
	defer closeStore(t, s)
	rows, err := s.Rows(context.Background(), []byte("counter"))
	if err != nil {
		t.Fatal(err)
	}
	if want := strconv.Itoa(processes * increments); n != processes*increments || string(rows[0]) != want {
		t.Errorf("%d additions were reported, the counter is %s, want %s", n, rows[0], want)
	}
}

// TestStoppedOwner stops a server that owns the folder and is still opening the database: it reads of a pipe, as a part of it, until
// the test is there.
func TestStoppedOwner(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "db")
	pipe := filepath.Join(db, "MANIFEST-000001")
	if err := errors.Join(os.Mkdir(db, 0o700), syscall.Mkfifo(pipe, 0o600),
		os.WriteFile(filepath.Join(db, "marker.manifest.000001.MANIFEST-000001"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	owner, _ := program(t, "calyx-test-server", dir)
	open, err := os.OpenFile(pipe, os.O_WRONLY, 0) // when the server opens it
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if err := errors.Join(owner.Process.Signal(syscall.SIGSTOP), os.RemoveAll(db)); err != nil {
		t.Fatal(err)
	}
	s := connect(t, dir, func(text string) { t.Error(text) })
	defer closeStore(t, s)
	if pid := local.ServerPid(t, dir); pid == 0 || pid == owner.Process.Pid {
		t.Errorf("the folder is served by process %d, want another than the one that is stopped, %d", pid, owner.Process.Pid)
	}
}

// hit stops or kills the server of a folder, where there is one.
func hit(t *testing.T, dir string, stop bool) {
	t.Helper()
	signal := syscall.SIGKILL
	if stop {
		signal = syscall.SIGSTOP
	}
	if pid := local.ServerPid(t, dir); pid != 0 {
		_ = syscall.Kill(pid, signal) // it may have left meanwhile
	}
}

// leaseProgram takes a lease and keeps it.
func leaseProgram(dir string) error {
	s, err := shared(dir, func(string) {})
	if err != nil {
		return err
	}
	if _, err := s.Lease(context.Background(), hashing.Sum(nil)); err != nil {
		return err
	}
	fmt.Println("held")
	_, err = io.Copy(io.Discard, os.Stdin) // until the test kills this process
	return err
}

// TestLeaseOfOthers waits for a lease whose holder is killed or stopped.
func TestLeaseOfOthers(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			holder, out := program(t, "calyx-test-lease", dir)
			if !out.Scan() {
				t.Fatal("the holder has ended")
			}
			s := connect(t, dir, silent)
			defer closeStore(t, s)
			waiting := make(chan cas.Lease)
			go func() {
				l, err := s.Lease(context.Background(), hashing.Sum(nil))
				if err != nil {
					t.Error(err)
				}
				waiting <- l
			}()
			if err := holder.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			l := <-waiting
			l.Release()
		})
	}
}

// TestLeaseOutlivesServer makes sure that a new server learns who holds what.
func TestLeaseOutlivesServer(t *testing.T) {
	dir := t.TempDir()
	one, other := connect(t, dir, silent), connect(t, dir, silent)
	defer closeStore(t, one)
	defer closeStore(t, other)
	const tries = 1000 // the other may ask only after the one has released
	for range tries {
		held := lease(t, one, "shared")
		local.KillServer(t, dir)
		lease(t, one, "what is said in a session is heard in order").Release()
		lease(t, other, "both know the new server").Release()
		waiting := make(chan cas.Lease)
		go func() { waiting <- lease(t, other, "shared") }()
		lease(t, other, "some time passes").Release()
		held.Release()
		l := <-waiting
		l.Release()
		if l.Waited {
			return
		}
	}
	t.Errorf("in %d tries the new server never let anybody wait", tries)
}

func lease(t *testing.T, s cas.Store, action string) cas.Lease {
	t.Helper()
	l, err := s.Lease(context.Background(), hashing.Sum([]byte(action)))
	if err != nil {
		t.Error(err)
	}
	return l
}

// TestServerLeaves waits until the server of a folder without clients has gone.
func TestServerLeaves(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		s := connect(t, dir, silent)
		if _, err := cas.Commit(context.Background(), s, cas.Txn{Put: []cas.Row{{Key: []byte("x"), Value: []byte("1")}}}); err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
		awaitEnd(t, dir)
	}
	s := own(t, dir, silent)
	defer closeStore(t, s)
	rows, err := s.Rows(context.Background(), []byte("x"))
	if err != nil || string(rows[0]) != "1" {
		t.Errorf("Rows = %q, %v, want what was committed", rows, err)
	}
}

// awaitEnd waits for the lock that the server holds until it ends.
func awaitEnd(t *testing.T, dir string) {
	t.Helper()
	f, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	lock, err := os.Open(f.Lock())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(f.Socket()); !os.IsNotExist(err) {
		t.Errorf("the server has left its socket behind (%v)", err)
	}
}
