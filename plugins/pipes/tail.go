package pipes

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// Tail keeps the end of what a process printed, for the message that tells how it ended. It is safe for concurrent use.
type Tail struct {
	mu   sync.Mutex
	text []byte
}

// The size in bytes and the number of lines that a message shows at most.
const (
	maxTail      = 8 << 10
	maxTailLines = 60
)

// Add takes what was printed.
func (t *Tail) Add(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if len(t.text) > 2*maxTail {
		t.text = append(t.text[:0], t.text[len(t.text)-maxTail:]...)
	}
}

// Lines returns the last lines.
func (t *Tail) Lines() string {
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
