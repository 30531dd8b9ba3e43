package command

import (
	"fmt"
	"os"
	"time"
)

// SetGrace shortens the time that a command has to end.
func (r *Runner) SetGrace(d time.Duration) { r.grace = d }

// ParsePlain shows what a plain line is taken for.
func ParsePlain(line string) (string, bool) {
	p, ok := parsePlain(line)
	text := fmt.Sprint(p.argv)
	for _, f := range p.files {
		sign := map[int]string{0: "<", 1: ">"}[f.to]
		if f.flags&os.O_APPEND != 0 {
			sign = ">>"
		}
		text += fmt.Sprintf(" %d%s%s", f.to, sign, f.path)
	}
	return text, ok
}
