package console

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Seconds writes a duration as people read it: 0ms, 850ms, 1.2s, 59s, 3m04s, 2h07m, 3d04h.
func Seconds(s float64) string {
	switch {
	case math.IsNaN(s) || s < 0:
		return "?"
	case s < 0.0995:
		return strconv.FormatFloat(math.Round(s*1e4)/10, 'f', -1, 64) + "ms"
	case s < 0.9995:
		return fmt.Sprintf("%.0fms", s*1e3)
	case s < 59.95:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", s), ".0") + "s"
	}
	return longDuration(int64(math.Round(s)))
}

func longDuration(s int64) string {
	switch {
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%dh%02dm", s/3600, s%3600/60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s%86400/3600)
}

// Clock writes how long something has been running, in tenths while it is short, so that it can be seen to move.
func Clock(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return longDuration(int64(d.Seconds()))
}

// Ago writes how far back a moment lies: just now, 12s ago, 3m ago, 5h ago, and the day once it is more than a week.
func Ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return "never"
	case d < 2*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	case d < 7*24*time.Hour:
		return fmt.Sprintf("%dd ago", int(d.Hours()/24))
	}
	return t.Local().Format("2006-01-02 15:04")
}

// Size writes a number of bytes: 0 B, 999 B, 1.5 kB, 20 MB, with a decimal where there is one digit before it.
func Size(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f := float64(n)
	for _, unit := range []string{"kB", "MB", "GB", "TB", "PB"} {
		f /= 1000
		if f < 9.95 {
			return fmt.Sprintf("%.1f %s", f, unit)
		}
		if f < 999.5 {
			return fmt.Sprintf("%.0f %s", f, unit)
		}
	}
	return fmt.Sprintf("%.0f EB", f/1000)
}

// Count writes n with the noun in the number that it needs; plurals are regular.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "y") {
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(noun, "y"))
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// CountIs is Count, and the verb that goes with it.
func CountIs(n int, noun string) string {
	if n == 1 {
		return Count(n, noun) + " is"
	}
	return Count(n, noun) + " are"
}

// NothingToDo closes a build that found all its steps fresh.
func NothingToDo(steps int, seconds float64) string {
	if steps == 0 {
		return "nothing to build: there is no step"
	}
	return fmt.Sprintf("nothing to do: %s fresh (%s)", CountIs(steps, "step"), Seconds(seconds))
}

// Percent writes a share between 0 and 1.
func Percent(share float64) string { return fmt.Sprintf("%.0f%%", share*100) }
