package main

import (
	"fmt"
	"os"
	"sync"
)

// news is what calyx tells on standard error beside progress: above the moving display, where there is one. It is safe for
// concurrent use.
type news struct {
	file *os.File

	mu    sync.Mutex
	above func(line string)
}

// tell writes lines.
func (n *news) tell(text string) {
	n.mu.Lock()
	above := n.above
	n.mu.Unlock()
	if above != nil {
		above(text)
		return
	}
	_, _ = fmt.Fprintln(n.file, text) // there is nobody left to tell that it cannot be told
}

// through lets the display show what is told; nil ends that.
func (n *news) through(above func(line string)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.above = above
}
