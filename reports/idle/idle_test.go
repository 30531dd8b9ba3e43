package idle_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/reports/idle"
)

var errTaken = errors.New("not noted yet")

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func workspace(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, ".calyx"), 0o777); err != nil {
		t.Fatal(err)
	}
	return root
}

// run makes a run that began so many seconds after the start.
func run(after int) idle.Run {
	at := start.Add(time.Duration(after) * time.Second)
	return idle.Run{
		Run: trace.NewRunID(at), Instance: "main", Started: at, Ended: at.Add(time.Millisecond), Targets: []string{"train"}, Jobs: 2,
		Version: "1.2", Command: []string{"calyx", "build", "train"}, Host: "here", Fresh: 7,
	}
}

func note(t *testing.T, root string, runs ...idle.Run) {
	t.Helper()
	for _, r := range runs {
		if err := idle.Note(root, r); err != nil {
			t.Fatal(err)
		}
	}
}

func take(t *testing.T, root string) (taken []idle.Run) {
	t.Helper()
	err := idle.Take(root, func(runs []idle.Run) error {
		taken = append(taken, runs...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return taken
}

// files are the names of those that hold runs.
func files(t *testing.T, root string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, ".calyx", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestRunsAreTakenOnceInTheirOrder(t *testing.T) {
	root := workspace(t)
	runs := []idle.Run{run(0), run(1), run(2)}
	note(t, root, runs[0], runs[2], runs[1])
	if got := take(t, root); !reflect.DeepEqual(got, runs) {
		t.Errorf("took %+v, want %+v", got, runs)
	}
	if got := take(t, root); len(got) != 0 {
		t.Errorf("took %+v again", got)
	}
	if left := files(t, root); len(left) != 0 {
		t.Errorf("%q is left", left)
	}
}

func TestNothingIsTakenWhereNothingIs(t *testing.T) {
	if got := take(t, t.TempDir()); len(got) != 0 {
		t.Errorf("took %+v from an empty folder", got)
	}
}

// What could not be kept is handed over again, with what came meanwhile: so is what a process left behind that was killed as it kept it.
func TestWhatIsNotKeptIsTakenAgain(t *testing.T) {
	root := workspace(t)
	first, second := run(0), run(1)
	note(t, root, first)
	failure := errors.New("the disk is full")
	if err := idle.Take(root, func([]idle.Run) error { return failure }); !errors.Is(err, failure) {
		t.Errorf("the error is %v, want %v", err, failure)
	}
	note(t, root, second)
	if got, want := take(t, root), []idle.Run{first, second}; !reflect.DeepEqual(got, want) {
		t.Errorf("took %+v, want %+v", got, want)
	}
}

// While runs are being taken, others are noted and not waited for, and who takes at the same time gets them alone.
func TestRunsAreNotedWhileOthersAreTaken(t *testing.T) {
	root := workspace(t)
	note(t, root, run(0))
	err := idle.Take(root, func([]idle.Run) error {
		note(t, root, run(1))
		if got, want := take(t, root), []idle.Run{run(1)}; len(got) != 1 || !got[0].Started.Equal(want[0].Started) {
			t.Errorf("took %+v meanwhile, want only the one that was noted", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLinesThatSayNothingAreLeftOut(t *testing.T) {
	root := workspace(t)
	good := run(0)
	note(t, root, good)
	file := files(t, root)[0]
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	bad := strings.Join([]string{"", "{", "null", `{"run":"../x"}`, "\x00\xff", string(text[:len(text)/2])}, "\n")
	if err := os.WriteFile(file, append([]byte(bad+"\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := take(t, root); len(got) != 1 || got[0].Run != good.Run {
		t.Errorf("took %+v, want only %s", got, good.Run)
	}
}

// A loop that builds for months without ever doing anything leaves little behind: the newest.
func TestOldRunsGiveWay(t *testing.T) {
	root := workspace(t)
	const many = 3000
	for i := range many {
		r := run(i)
		r.Targets = []string{strings.Repeat("x", 100)}
		note(t, root, r)
	}
	var size int64
	for _, name := range files(t, root) {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > 300<<10 {
		t.Errorf("%d runs take %d bytes", many, size)
	}
	taken := take(t, root)
	if len(taken) < 200 || !taken[len(taken)-1].Started.Equal(run(many-1).Started) {
		t.Errorf("took %d runs, the last of %v, want at least 200 and the last one noted", len(taken), taken[len(taken)-1].Started)
	}
}

func TestNoRunIsLostBetweenWritersAndTakers(t *testing.T) {
	root := workspace(t)
	const writers, each, takers = 4, 50, 3
	var mu sync.Mutex
	var got []string
	collect := func() {
		err := idle.Take(root, func(runs []idle.Run) error {
			mu.Lock()
			defer mu.Unlock()
			for _, r := range runs {
				got = append(got, r.Host)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	var writing, taking sync.WaitGroup
	stop := make(chan struct{})
	for range takers {
		taking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					collect()
				}
			}
		})
	}
	var want []string
	for w := range writers {
		for i := range each {
			want = append(want, fmt.Sprintf("%d.%d", w, i))
		}
		writing.Go(func() {
			for i := range each {
				r := run(i)
				r.Host = fmt.Sprintf("%d.%d", w, i)
				for err := errTaken; err != nil; { // so many takers are never at work in earnest
					err = idle.Note(root, r)
				}
			}
		})
	}
	writing.Wait()
	close(stop)
	taking.Wait()
	collect()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("took %d runs, want each of the %d once", len(got), len(want))
	}
}

func TestNotingFailsWhereThereIsNoFolder(t *testing.T) {
	err := idle.Note(filepath.Join(t.TempDir(), "gone"), run(0))
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), run(0).Run[:15]) {
		t.Errorf("the error is %v, want one that names the run", err)
	}
}
