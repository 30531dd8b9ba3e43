package memory

import "fmt"

// Hint is what may be done where a program held more than it may.
const Hint = "give the step more with mem =, or let it hold less at once"

// Excess says in words that a program held more than it may; the program is the subject.
func Excess(used, limit int64) string {
	return fmt.Sprintf("held %s of memory, more than its mem of %s", size(used), size(limit))
}

func size(n int64) string {
	if n >= 1e9 {
		return fmt.Sprintf("%.3g GB", float64(n)/1e9)
	}
	return fmt.Sprintf("%.3g MB", float64(n)/1e6)
}
