package command

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/memory"
)

// failure says in words why a command has no result; nil where it has one. err is why it could not be started. A program
// that ran may end otherwise the next time; one that could not be started seldom does.
func (r *Runner) failure(t *executor.Task, e ending, err error) *executor.Failure {
	f := &executor.Failure{Exit: -1, Retry: true}
	switch {
	case e.cause == byCancel || errors.Is(err, errCancelled):
		f.Message, f.Cancel = "cancelled", true
		return f
	case err != nil:
		cause, hint := startCause(t.Command, err)
		f.Message, f.Hint = fmt.Sprintf("start %q: %s", t.Command.Path, cause), hint
		f.Retry = errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.ETXTBSY)
		return f
	case e.cause == byTimeout:
		f.Message, f.Timeout = fmt.Sprintf("timed out after %v", t.Timeout), true
	case e.cause == byMemory:
		f.Message, f.Hint, f.Retry = "it "+memory.Excess(e.held, t.Memory), memory.Hint, false
		return f
	case e.status.Signaled():
		s := e.status.Signal()
		f.Message, f.Signal = "killed by signal: "+s.String(), unix.SignalName(s)
		if s == syscall.SIGKILL {
			f.Hint = "the system kills programs where memory is short; mem = lets calyx start fewer of them at once"
			return f
		}
	case e.status.ExitStatus() != 0:
		f.Exit = e.status.ExitStatus()
		f.Message = fmt.Sprintf("exit status %d", f.Exit)
	default:
		return nil
	}
	if f.Hint = fullHint(t.Command.Dir); f.Hint == "" {
		f.Hint = r.withheldHint(t.Command.Env)
	}
	return f
}

// leastRoom is how many bytes a disk has free at least on which a program can be expected to write something.
const leastRoom = 256 << 10

// fullHint says that the disk of a folder is full: what a program says of that may not have found room, too. It is empty where
// there is room.
func fullHint(dir string) string {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil || st.Blocks == 0 {
		return ""
	}
	if left := st.Bavail * uint64(st.Bsize); left < leastRoom {
		return fmt.Sprintf("there is no room left on the disk of %q (%d KiB are free)", dir, left>>10)
	}
	return ""
}

// unseen is the failure of a command that did something that could not be watched; nil where there is no error.
func unseen(err error) *executor.Failure {
	if err == nil {
		return nil
	}
	return &executor.Failure{
		Message: fmt.Sprintf("not all that it did could be watched: %v", err), Exit: -1,
		Hint: "with trace = False only what the step declares counts as its input",
	}
}

// startCause explains why a program could not be started, and what to do about it.
func startCause(c *executor.Command, err error) (cause, hint string) {
	switch {
	case errors.As(err, new(*os.PathError)):
		return err.Error(), ""
	case !isFolder(c.Dir):
		return fmt.Sprintf("the working directory %q is no folder", c.Dir), ""
	case errors.Is(err, syscall.ENOENT):
		if name := Interpreter(c.Path); name != "" {
			return fmt.Sprintf("it is a script for %q, which is not there", name), "install the interpreter, or correct the script's first line"
		}
		return "there is no such program", "a program of the workspace is found by a path with a slash in it, any other through PATH"
	case errors.Is(err, syscall.EACCES):
		return "it may not be executed", "chmod +x makes a file a program"
	case errors.Is(err, syscall.ENOEXEC):
		return "it is no program for this machine, and no script", `the first line of a script names its interpreter, as "#!/bin/sh" does`
	case errors.Is(err, syscall.E2BIG):
		return fmt.Sprintf("its arguments are too long for the system (%d bytes)", size(c.Argv)), "write them to a file, and let the program read that"
	}
	return err.Error(), ""
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// longestLine is how much of a script's first line the system looks at.
const longestLine = 256

// Interpreter is what the first line of a script names, as the system reads it; empty where the file is none.
func Interpreter(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	line, err := bufio.NewReader(io.LimitReader(f, longestLine)).ReadString('\n')
	text, script := strings.CutPrefix(line, "#!")
	if err != nil || !script {
		return ""
	}
	const blank = " \t"
	text = strings.Trim(text, blank+"\n") // a carriage return is part of the name
	name, _, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), " ")
	return name
}

func size(words []string) (total int) {
	for _, w := range words {
		total += len(w)
	}
	return total
}
