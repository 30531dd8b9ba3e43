package console

// Style colours text, or leaves it as it is. The zero Style leaves it.
type Style struct{ on bool }

// NewStyle returns a style that colours if on is true.
func NewStyle(on bool) Style { return Style{on} }

// Enabled reports whether the style colours.
func (s Style) Enabled() bool { return s.on }

func (s Style) wrap(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + resetColours
}

// Bold is for what a line is about.
func (s Style) Bold(text string) string { return s.wrap("1", text) }

// Dim is for what may be overlooked.
func (s Style) Dim(text string) string { return s.wrap("2", text) }

// Bad is for failures.
func (s Style) Bad(text string) string { return s.wrap("31", text) }

// Good is for what was done.
func (s Style) Good(text string) string { return s.wrap("32", text) }

// Warn is for what needs attention.
func (s Style) Warn(text string) string { return s.wrap("33", text) }

// Accent sets apart without judging.
func (s Style) Accent(text string) string { return s.wrap("36", text) }

// WantColours decides whether a stream gets colours: mode is auto, always or never; auto means a terminal that knows
// colours, unless NO_COLOR (https://no-color.org) is set to anything.
func WantColours(mode string, terminal bool, getenv func(string) string) bool {
	switch mode {
	case "always":
		return true
	case "never":
		return false
	}
	return terminal && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}
