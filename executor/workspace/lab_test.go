package workspace_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/local"
	"github.com/calyx-build/calyx/executor/workspace"
	"github.com/calyx-build/calyx/hashing"
)

// lab is a workspace with a real store, as one process sees it.
type lab struct {
	testing.TB
	root  string
	store cas.Store
	ws    *workspace.Workspace
	mu    sync.Mutex
	notes []string
	ahead int64 // how far the clock is ahead: files are believed by their stats only when they are old
}

func newLab(t testing.TB) *lab {
	l := &lab{TB: t, root: t.TempDir()}
	store, err := local.Open(filepath.Join(t.TempDir(), "cache"), func(s string) { t.Errorf("the cache warns: %s", s) })
	if err != nil {
		t.Fatal(err)
	}
	l.store = store
	t.Cleanup(func() { l.check(store.Close()) })
	l.open()
	t.Cleanup(func() { l.check(l.ws.Close()) })
	return l
}

func (l *lab) open() {
	l.Helper()
	memo := hashing.NewMemo(func() int64 { return time.Now().UnixNano() + l.ahead })
	ws, err := workspace.Open(l.root, l.store, memo, func(_, text string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.notes = append(l.notes, text)
	})
	l.check(err)
	l.ws = ws
}

// reopen is the next process: it remembers nothing, and what was young is old.
func (l *lab) reopen() {
	l.Helper()
	l.check(l.ws.Close())
	l.ahead = int64(time.Hour)
	l.open()
}

func (l *lab) check(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// noneDisplaced checks that nothing is left where things are put aside, not even a folder.
func (l *lab) noneDisplaced() {
	l.Helper()
	if left, err := os.ReadDir(l.at(".calyx/displaced")); len(left) > 0 || err != nil && !os.IsNotExist(err) {
		l.Errorf("displaced: %v, %v", left, err)
	}
}

func (l *lab) at(p string) string { return filepath.Join(l.root, p) }

func (l *lab) write(p, content string) {
	l.Helper()
	l.check(os.MkdirAll(filepath.Dir(l.at(p)), 0o777))
	l.check(os.WriteFile(l.at(p), []byte(content), 0o644))
}

// made is an output that a step has written and calyx has recorded.
func (l *lab) made(p string, write func(at string)) workspace.Output {
	l.Helper()
	ctx := context.Background()
	o := workspace.Output{Node: "step", Instance: "main", Path: p}
	l.check(l.ws.Prepare(ctx, o))
	write(l.at(p))
	captured, err := l.ws.Capture(ctx, o)
	l.check(err)
	l.record(captured[0])
	return captured[0].Output
}

func (l *lab) record(c workspace.Captured) {
	l.Helper()
	_, err := cas.Commit(context.Background(), l.store, cas.Txn{Blobs: c.Blobs, Put: []cas.Row{l.ws.Row(c.Output)}})
	l.check(err)
	l.ws.Settle(c.Output)
}

func (l *lab) madeFile(p, content string) workspace.Output {
	l.Helper()
	return l.made(p, func(at string) { l.check(os.WriteFile(at, []byte(content), 0o644)) })
}

func (l *lab) state(o workspace.Output) workspace.State {
	l.Helper()
	s, err := l.ws.Look(context.Background(), o)
	l.check(err)
	return s
}

func (l *lab) restore(outs ...workspace.Output) int {
	l.Helper()
	n, err := l.ws.Restore(context.Background(), outs...)
	l.check(err)
	return n
}

// listing shows a folder: every name with its kind, permission to execute and content.
func (l *lab) listing(p string) string {
	l.Helper()
	var lines []string
	root := l.at(p)
	l.check(filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		l.check(err)
		rel, _ := filepath.Rel(root, at)
		info, err := d.Info()
		l.check(err)
		switch {
		case d.IsDir():
			lines = append(lines, rel+"/")
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(at)
			l.check(err)
			lines = append(lines, rel+" -> "+target)
		default:
			text, err := os.ReadFile(at)
			l.check(err)
			mark := " = "
			if info.Mode()&0o100 != 0 {
				mark = " * "
			}
			lines = append(lines, rel+mark+string(text))
		}
		return nil
	}))
	return strings.Join(lines, "\n")
}

func (l *lab) content(p string) string {
	l.Helper()
	text, err := os.ReadFile(l.at(p))
	l.check(err)
	return string(text)
}
