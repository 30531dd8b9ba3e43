package workspace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/calyx-build/calyx/hashing"
)

// ForeignError says that something stands in the way that calyx did not write.
type ForeignError struct{ Path, Node string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("write %q: something is there that calyx did not write", e.Path)
}

// Hint says what to do about it.
func (e *ForeignError) Hint() string {
	return fmt.Sprintf("move %q away, or give step %q another output; calyx replaces only what it wrote", e.Path, e.Node)
}

// NoFolderError says that a file stands where an output needs a folder.
type NoFolderError struct{ Path, Output string }

func (e *NoFolderError) Error() string {
	return fmt.Sprintf("make the folder of the output %q: %q is a file", e.Output, e.Path)
}

// Hint says what to do about it. The file may well be the output of the same step before its declaration was changed.
func (e *NoFolderError) Hint() string {
	return fmt.Sprintf("move %q away; an output of a step that is gone is removed by `calyx clean --stale`", e.Path)
}

// clear makes room at an output's path: what calyx wrote goes, what somebody edited or a killed build left is put aside,
// anything else stays and is an error.
func (w *Workspace) clear(o Output, s State) error {
	at := w.abs(o.Path)
	switch s {
	case Absent:
		return nil
	case Edited:
		return w.displace(o)
	case Partial:
		return w.keep(o.Node, o)
	case Foreign:
		if syscall.Rmdir(at) == nil { // a folder with nothing in it
			return nil
		}
		return &ForeignError{Path: o.Path, Node: o.Node}
	}
	if err := removeAll(at); err != nil {
		return fmt.Errorf("remove the old %q: %w", o.Path, err)
	}
	return nil
}

// displace moves what somebody edited to `.calyx/displaced`.
func (w *Workspace) displace(o Output) error {
	moment := time.Now().UTC().Format("20060102-150405.000000")
	to := displaced(w.root, moment, o.Path)
	if err := move(w.abs(o.Path), to); err != nil {
		return fmt.Errorf("put the edited %q aside: %w", o.Path, err)
	}
	w.note(o.Node, fmt.Sprintf("%q was edited after calyx wrote it; the edited one is now %q", o.Path, filepath.Join(Folder, "displaced", moment, inside(o.Path))))
	return nil
}

// Fail moves what a failed step left at its outputs to `.calyx/failed`, in place of what an earlier failure of that node
// left there. The caller holds the locks of the outputs.
func (w *Workspace) Fail(node string, outs ...Output) error {
	err := removeAll(w.failed(node))
	for _, o := range outs {
		if _, statErr := os.Lstat(w.abs(o.Path)); statErr == nil {
			err = errors.Join(err, w.keep(node, o))
		}
	}
	if err == nil {
		w.Settle(outs...)
	}
	return err
}

// keep moves a partial output to `.calyx/failed`.
func (w *Workspace) keep(node string, o Output) error {
	to := filepath.Join(w.failed(node), inside(o.Path))
	err := removeAll(to)
	if err == nil {
		err = move(w.abs(o.Path), to)
	}
	if err != nil {
		return fmt.Errorf("put the partial %q aside: %w", o.Path, err)
	}
	return nil
}

// longestName is how much of a node's name a folder's name takes, in bytes.
const longestName = 120

// failed is the folder for what a node's failure leaves behind.
func (w *Workspace) failed(node string) string {
	name := strings.Map(func(r rune) rune {
		if r == '/' || r == 0 {
			return '_'
		}
		return r
	}, node)
	if len(name) > longestName {
		name = name[:longestName]
	}
	if name != node || strings.HasPrefix(name, ".") {
		name += "-" + hashing.Sum([]byte(node)).Hex()[:8]
	}
	return filepath.Join(w.own("failed"), name)
}

// inside is where a path stands in a folder that mirrors the workspace.
func inside(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Join("outside", path)
	}
	return filepath.FromSlash(path)
}

// move moves a file or a folder, also to another file system, and out of or into folders that may not be written to.
func move(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	err := os.Rename(from, to)
	if errors.Is(err, fs.ErrPermission) {
		makeWritable(from)
		err = os.Rename(from, to)
	}
	if errors.Is(err, syscall.EXDEV) {
		if err = copyAll(from, to); err == nil {
			err = removeAll(from)
		}
	}
	return err
}

// copyAll copies a file, a link or a folder.
func copyAll(from, to string) error {
	info, err := os.Lstat(from)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return os.CopyFS(to, os.DirFS(from))
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	return copyFile(from, to, info.Mode().Perm())
}

func copyFile(from, to string, perm fs.FileMode) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}
