package trace

import (
	"crypto/rand"
	"strconv"
	"strings"
	"time"
)

// NewRunID makes the id of a run: it sorts by time to the microsecond, and two builds that begin in the same one differ.
// After the second come its fraction in parts of 1/32⁴, in digits to the base 32 (0 to 9, A to V), and two letters at random.
func NewRunID(at time.Time) string {
	const whole = 1 << 20
	fraction := strconv.FormatInt(whole+int64(at.Nanosecond())*whole/int64(time.Second), 32)[1:]
	return at.UTC().Format("20060102-150405-") + strings.ToUpper(fraction) + rand.Text()[:2]
}

// IsRunID reports whether a text has the form of a run's id.
func IsRunID(text string) bool {
	const form = "20060102-150405-FFFFRR"
	if len(text) != len(form) {
		return false
	}
	for i := range form {
		c := text[i]
		isDigit, isLetter := '0' <= c && c <= '9', 'A' <= c && c <= 'Z'
		switch form[i] {
		case '-':
			if c != '-' {
				return false
			}
		case 'F', 'R':
			if !isDigit && !isLetter {
				return false
			}
		default:
			if !isDigit {
				return false
			}
		}
	}
	return true
}
