package executor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A step's resume folder is kept per action, so that an attempt goes on only from what the same action left. In the
// workspace it is a link to the kept one.

func (l *loop) resumeFolder(n *node) string {
	return filepath.Join(l.e.cfg.Root, ".calyx", "resume", n.key.Hex()[:32])
}

// makeResume puts the folder of the node's action in place.
func (l *loop) makeResume(n *node) error {
	s := n.decl().Step
	if s.Resume == "" {
		return nil
	}
	at, kept := l.e.abs(s.Resume), l.resumeFolder(n)
	if st, err := os.Lstat(at); err == nil && st.Mode()&os.ModeSymlink == 0 {
		return fmt.Errorf("resume folder %q: something is there that calyx did not make; move it away", s.Resume)
	}
	err := os.Remove(at)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	err = errors.Join(err, os.MkdirAll(kept, 0o777), os.MkdirAll(filepath.Dir(at), 0o777))
	if err == nil {
		err = os.Symlink(kept, at)
	}
	if err != nil {
		return fmt.Errorf("resume folder %q: %w", s.Resume, err)
	}
	return nil
}

// dropResume removes the folder once the action is done.
func (l *loop) dropResume(n *node) error {
	if !n.isStep() || n.decl().Step.Resume == "" {
		return nil
	}
	err := os.Remove(l.e.abs(n.decl().Step.Resume))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, os.RemoveAll(l.resumeFolder(n)))
}
