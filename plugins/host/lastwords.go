package host

import (
	"fmt"
	"regexp"
	"strings"
)

// lastWords is what a process that failed had to say about that: of the end of its standard error the last line, which is where
// most languages put the message. Go puts it before the stacks.
func lastWords(text string) string {
	lines := strings.Split(text, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "panic: ") || strings.HasPrefix(lines[i], "fatal error: ") {
			if place, ok := goPlace(lines[i+1:]); ok {
				return lines[i] + place
			}
		}
	}
	last := lines[len(lines)-1]
	if goFrame.MatchString(last) { // of a stack so long that the message before it is gone
		return ""
	}
	return last
}

var (
	goStack = regexp.MustCompile(`^goroutine \d+.* \[.*\]:$`)
	// goFrame is the line of a stack behind the name of a function.
	goFrame = regexp.MustCompile(`^\t(.+:\d+)( \+0x[0-9a-f]+)?$`)
)

// goPlace is where a program in Go failed, by the stack that follows the message: the first place beside those of the
// language itself. Text without a stack is no failure of Go.
func goPlace(lines []string) (place string, ok bool) {
	name := ""
	for _, line := range lines {
		frame := goFrame.FindStringSubmatch(line)
		switch {
		case goStack.MatchString(line):
			if ok { // the next goroutine
				return "", true
			}
			ok = true
		case ok && frame != nil && !inGoItself(name):
			return fmt.Sprintf(" (%s)", frame[1]), true
		}
		name = line
	}
	return "", ok
}

// inGoItself reports whether a function is one of those that a panic passes through on its way.
func inGoItself(name string) bool {
	return strings.HasPrefix(name, "panic(") || strings.HasPrefix(name, "runtime.") || strings.HasPrefix(name, "internal/runtime/")
}
