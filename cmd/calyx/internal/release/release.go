// Package release tells which calyx this is.
package release

import "runtime/debug"

// Number is the version of this source tree.
const Number = "0.1.0"

// Text is the number and, where it is known, the revision that this executable was built from.
func Text() string {
	if r := Revision(); r != "" {
		return Number + "+" + r
	}
	return Number
}

// shown is how many digits of a revision people are shown.
const shown = 12

// Revision is that of the source that this executable was built from; empty: it is not known.
func Revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) > shown {
			return s.Value[:shown]
		}
	}
	return ""
}
