package host

import (
	"os"
	"path/filepath"
	"sync"

	"github.com/calyx-build/calyx/plugins/redact"
)

// callLog is what one call printed: a file that comes into being with the first text.
type callLog struct {
	mu      sync.Mutex
	path    string
	secrets []string
	file    *os.File
	size    int64
	closed  bool
	clean   [sources]*redact.Redactor // secrets may be cut in two by each of them
}

// maxLog is the size in bytes at which a log is cut.
const maxLog = 64 << 20

const cut = "\n… (the log is longer than 64 MiB; the rest was dropped)\n"

func newCallLog(path string, secrets []string) *callLog {
	return &callLog{path: path, secrets: secrets}
}

// textSource is one of the ways that text takes to a log.
type textSource int

const (
	standardOutput textSource = iota
	standardError
	logItems // what the call sends
	sources
)

// take adds text.
func (l *callLog) take(from textSource, p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	if l.clean[from] == nil { // most calls print nothing
		l.clean[from] = redact.New(l.secrets)
	}
	l.write(l.clean[from].Next(p))
}

// write appends to the file. A log that cannot be written, on a full disk, is no reason for a call to fail.
func (l *callLog) write(p []byte) {
	if len(p) == 0 || l.size > maxLog {
		return
	}
	if l.file == nil && !l.open() {
		return
	}
	if l.size += int64(len(p)); l.size > maxLog {
		p = []byte(cut)
	}
	_, _ = l.file.Write(p)
}

func (l *callLog) open() bool {
	if os.MkdirAll(filepath.Dir(l.path), 0o700) != nil {
		return false
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return false
	}
	l.file = f
	return true
}

// close ends the log and returns its path, empty where nothing was printed.
func (l *callLog) close() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ""
	}
	for _, r := range l.clean {
		if r != nil {
			l.write(r.Rest())
		}
	}
	l.closed = true
	if l.file == nil {
		return ""
	}
	_ = l.file.Close()
	return l.path
}
