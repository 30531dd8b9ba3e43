package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
)

// scriptPty runs a command on a terminal of 80 columns and writes all that the terminal was sent to a file:
// pty FILE COMMAND….
func scriptPty(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: pty FILE COMMAND…")
	}
	path, err := lookIn(ts.Getenv("PATH"), args[1])
	ts.Check(err)
	c := exec.Command(path, args[2:]...)
	c.Dir = ts.MkAbs(".")
	c.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "TERM=xterm-256color"}
	terminal, err := pty.StartWithSize(c, &pty.Winsize{Rows: 24, Cols: 80})
	ts.Check(err)
	var seen bytes.Buffer
	_, err = io.Copy(&seen, terminal)
	if !errors.Is(err, syscall.EIO) { // what a terminal gives whose last user is gone
		ts.Check(err)
	}
	err = c.Wait()
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), seen.Bytes(), 0o644))
	ts.Logf("%s", seen.String())
	if (err != nil) != neg {
		ts.Fatalf("the command ended with: %v", err)
	}
}

// lookIn finds a program in the folders of a PATH.
func lookIn(path, name string) (string, error) {
	for _, dir := range bytes.Split([]byte(path), []byte{os.PathListSeparator}) {
		file := string(dir) + "/" + name
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file, nil
		}
	}
	return "", exec.ErrNotFound
}
