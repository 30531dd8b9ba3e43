package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
)

// Live draws a build on a terminal: lines that stay, and below them a part that is drawn over again. Its methods may be
// called from any goroutine. Drawing happens on a goroutine of its own, so that a slow terminal never holds a build up.
type Live struct {
	w      io.Writer
	size   func() (width, height int)
	detail Detail
	style  console.Style
	now    func() time.Time

	mu      sync.Mutex
	scene   scene
	pending []string // lines that stay and are not drawn yet

	drawing sync.Mutex // held while the terminal is written to; guards what follows
	drawn   []int      // the width in cells of each line of the moving part
	hidden  bool       // the cursor is

	quit chan struct{}
	done chan struct{}
}

// redrawEvery is the time between two pictures.
const redrawEvery = 100 * time.Millisecond

// maxHeight bounds the moving part; a terminal's own height, less what should stay readable, may bound it further.
const maxHeight = 12

// The escape sequences that are written (ECMA-48; 25 and 2026 are private modes: the cursor, and a picture that the
// terminal shows only when it is complete, which terminals that do not know it ignore).
const (
	hideCursor   = "\x1b[?25l"
	showCursor   = "\x1b[?25h"
	beginPicture = "\x1b[?2026h"
	endPicture   = "\x1b[?2026l"
	eraseLine    = "\x1b[K"
	eraseBelow   = "\x1b[J"
)

// NewLive returns an observer that draws on the terminal w; size tells its size in cells.
func NewLive(w io.Writer, size func() (width, height int), d Detail, style console.Style) *Live {
	return &Live{w: w, size: size, detail: d, style: style, now: time.Now, quit: make(chan struct{}), done: make(chan struct{})}
}

// Start begins to draw. Whoever calls it calls Close.
func (l *Live) Start() {
	go func() {
		defer close(l.done)
		ticker := time.NewTicker(redrawEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				l.Draw()
			case <-l.quit:
				return
			}
		}
	}()
}

// Close stops drawing, removes the moving part and gives the cursor back.
func (l *Live) Close() {
	close(l.quit)
	<-l.done
	l.Suspend()
}

// Event takes an event in; the next picture shows it.
func (l *Live) Event(e executor.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scene.event(e, l.now())
	l.pending = append(l.pending, lasting(e, l.detail, l.style)...)
}

// Stopping shows that the user asked the build to stop.
func (l *Live) Stopping() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scene.ending = true
}

// Print puts a line above the moving part.
func (l *Live) Print(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = append(l.pending, line)
}

// Suspend removes the moving part until the next picture, as before calyx is stopped or ends.
func (l *Live) Suspend() { l.draw(false) }

// Draw writes one picture now.
func (l *Live) Draw() { l.draw(true) }

// draw writes one picture: the new lines that stay, and the moving part if that is wanted.
func (l *Live) draw(moving bool) {
	l.drawing.Lock()
	defer l.drawing.Unlock()
	width, height := l.size()
	l.mu.Lock()
	lines := l.pending
	l.pending = nil
	var scene []string
	if moving && !l.scene.began.IsZero() {
		// The last column stays free: a terminal that has filled it waits there with an unclear position.
		scene = l.scene.lines(width-1, min(maxHeight, height-2), l.now(), l.style)
	}
	l.mu.Unlock()
	if picture := l.picture(lines, scene, width); picture != "" {
		_, _ = io.WriteString(l.w, picture) // progress that cannot be shown does not stop a build
	}
}

// picture returns what turns the screen as it was drawn last into the new one, in one write.
func (l *Live) picture(lines, scene []string, width int) string {
	if len(lines) == 0 && len(scene) == 0 && len(l.drawn) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(beginPicture)
	if len(scene) > 0 && !l.hidden {
		b.WriteString(hideCursor)
	}
	b.WriteString("\r")
	if up := rows(l.drawn, width) - 1; up > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", up)
	}
	for _, line := range lines {
		b.WriteString(strings.ReplaceAll(line, "\n", eraseLine+"\r\n") + eraseLine + "\r\n")
	}
	b.WriteString(strings.Join(scene, eraseLine+"\r\n"))
	b.WriteString(eraseBelow)
	if len(scene) == 0 && l.hidden {
		b.WriteString(showCursor)
	}
	b.WriteString(endPicture)
	l.hidden = len(scene) > 0
	l.drawn = l.drawn[:0]
	for _, line := range scene {
		l.drawn = append(l.drawn, console.Width(line))
	}
	return b.String()
}

// rows is how many rows lines of these widths take on a terminal that has become width cells wide and has wrapped them.
func rows(widths []int, width int) int {
	n := 0
	for _, w := range widths {
		n += max(1, (w+width-1)/max(1, width))
	}
	return n
}
