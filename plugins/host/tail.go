package host

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// tail keeps the end of what a process printed, for the message that tells how it ended.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// The size in bytes and the number of lines that a message shows at most.
const (
	maxTail      = 8 << 10
	maxTailLines = 60
)

func (t *tail) add(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if len(t.text) > 2*maxTail {
		t.text = append(t.text[:0], t.text[len(t.text)-maxTail:]...)
	}
}

// lines returns the last lines.
func (t *tail) lines() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := t.text
	if len(text) > maxTail {
		text = text[len(text)-maxTail:]
		for len(text) > 0 && !utf8.RuneStart(text[0]) {
			text = text[1:]
		}
	}
	lines := strings.Split(strings.TrimRight(strings.ToValidUTF8(string(text), "\uFFFD"), "\n"), "\n")
	if len(lines) > maxTailLines {
		lines = lines[len(lines)-maxTailLines:]
	}
	return strings.Join(lines, "\n")
}
