package progress_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
)

// screen is a terminal of a given width, endlessly high, that understands just what the live display writes and fails the
// test for anything else.
type screen struct {
	t        *testing.T
	width    int
	rows     [][]string // cells
	row, col int
	cursor   bool
}

func newScreen(t *testing.T, width int) *screen {
	return &screen{t: t, width: width, rows: make([][]string, 1), cursor: true}
}

func (s *screen) Write(p []byte) (int, error) {
	text := string(p)
	for text != "" {
		switch {
		case strings.HasPrefix(text, "\x1b["):
			text = s.control(text[2:])
		case text[0] == '\r':
			s.col, text = 0, text[1:]
		case text[0] == '\n':
			s.newRow()
			text = text[1:]
		case text[0] < ' ':
			s.t.Errorf("a control character %q reached the terminal", text[0])
			return len(p), nil
		default:
			text = s.print(text)
		}
	}
	return len(p), nil
}

// newRow goes one row down, in the same column.
func (s *screen) newRow() {
	s.row++
	if s.row == len(s.rows) {
		s.rows = append(s.rows, nil)
	}
}

func (s *screen) print(text string) string {
	graphemes := displaywidth.StringGraphemes(text)
	graphemes.Next()
	g, w := graphemes.Value(), graphemes.Width()
	if s.col+w > s.width {
		s.newRow()
		s.col = 0
	}
	for len(s.rows[s.row]) < s.col+w {
		s.rows[s.row] = append(s.rows[s.row], " ")
	}
	for i := range w {
		s.rows[s.row][s.col+i] = ""
	}
	if w > 0 {
		s.rows[s.row][s.col] = g
	}
	s.col += w
	return text[len(g):]
}

func (s *screen) control(text string) string {
	end := strings.IndexFunc(text, func(r rune) bool { return r >= '@' && r <= '~' })
	arg, final := text[:end], text[end]
	switch {
	case final == 'A':
		n, err := strconv.Atoi(arg)
		if err != nil || s.row < n {
			s.t.Errorf("cursor up %q from row %d", arg, s.row)
			n = 0
		}
		s.row -= n
	case final == 'K' && arg == "":
		s.cut(s.row)
	case final == 'J' && arg == "":
		s.cut(s.row)
		s.rows = s.rows[:s.row+1]
	case arg == "?25":
		s.cursor = final == 'h'
	case arg == "?2026", final == 'm':
	default:
		s.t.Errorf("an unexpected escape sequence %q", text[:end+1])
	}
	return text[end+1:]
}

func (s *screen) cut(row int) {
	if s.col < len(s.rows[row]) {
		s.rows[row] = s.rows[row][:s.col]
	}
}

// lines is what the screen shows, without spaces at the ends and empty rows at the bottom.
func (s *screen) lines() []string {
	var lines []string
	for _, cells := range s.rows {
		lines = append(lines, strings.TrimRight(strings.Join(cells, ""), " "))
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// reflow makes the terminal narrower, or wider, as those do that wrap their lines anew: each row was a line of its own.
func (s *screen) reflow(width int) {
	var rows [][]string
	for i, cells := range s.rows {
		for len(cells) > width {
			rows = append(rows, cells[:width])
			cells = cells[width:]
		}
		rows = append(rows, cells)
		if i == s.row {
			s.row, s.col = len(rows)-1, len(cells)
		}
	}
	s.rows, s.width = rows, width
}

func TestTheScreenOfThisTest(t *testing.T) {
	s := newScreen(t, 10)
	fmt.Fprint(s, "one\r\ntwo\r\n\x1b[2Athree\x1b[K\r\n\x1b[J日本")
	if got := strings.Join(s.lines(), "|"); got != "three|日本" {
		t.Errorf("it shows %q", got)
	}
	if !utf8.ValidString(strings.Join(s.lines(), "")) {
		t.Error("not UTF-8")
	}
}
