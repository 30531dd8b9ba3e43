package calyxfile

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.starlark.net/starlark"
)

// wholeNumber returns a parser for integers within bounds.
func wholeNumber(least, most int) func(starlark.Value) (int, error) {
	return func(v starlark.Value) (int, error) {
		n, ok := v.(starlark.Int)
		if !ok {
			return 0, want("a whole number", v)
		}
		i, err := starlark.AsInt32(n)
		if err != nil || i < least || i > most {
			return 0, fmt.Errorf("want a number from %d to %d, got %s", least, most, n)
		}
		return i, nil
	}
}

// flag parses True and False.
func flag(v starlark.Value) (bool, error) {
	b, ok := v.(starlark.Bool)
	if !ok {
		return false, want("True or False", v)
	}
	return bool(b), nil
}

var sizePattern = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([KMGT]i?)?B$`)

// sizeFactors are the units of memory: powers of ten, and with an i of two.
var sizeFactors = map[string]float64{
	"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
	"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40,
}

// size parses "4GB", "512MiB", or a number of bytes.
func (e *evaluation) size(v starlark.Value) (int64, error) {
	if n, ok := v.(starlark.Int); ok {
		if bytes, ok := n.Int64(); ok && bytes > 0 {
			return bytes, nil
		}
		return 0, fmt.Errorf("%s is no amount of memory", n)
	}
	if _, ok := v.(starlark.String); !ok {
		return 0, want(`a size like "4GB"`, v)
	}
	text, err := e.plain(v)
	if err != nil {
		return 0, err
	}
	m := sizePattern.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf(`%q is no size like "4GB" or "512MiB"`, text)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if n *= sizeFactors[m[2]]; err != nil || n < 1 || n >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is no amount of memory", text)
	}
	return int64(n), nil
}

var errDuration = errors.New(`want a duration like "30m", "1h30m" or "7d"`)

// duration parses what time.ParseDuration does, and days.
func (e *evaluation) duration(v starlark.Value) (time.Duration, error) {
	if _, ok := v.(starlark.String); !ok {
		return 0, fmt.Errorf("%w, got %s", errDuration, v.Type())
	}
	text, err := e.plain(v)
	if err != nil {
		return 0, err
	}
	d, err := parseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%w, got %q", errDuration, text)
	}
	return d, nil
}

func parseDuration(text string) (time.Duration, error) {
	digits, ok := strings.CutSuffix(text, "d")
	if !ok {
		return time.ParseDuration(text)
	}
	days, err := strconv.ParseFloat(digits, 64)
	if n := days * float64(24*time.Hour); err == nil && n < math.MaxInt64 {
		return time.Duration(n), nil
	}
	return 0, errDuration
}

var variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// variableName parses the name of an environment variable.
func (e *evaluation) variableName(v starlark.Value) (string, error) {
	name, err := e.plain(v)
	if err == nil && !variablePattern.MatchString(name) {
		err = fmt.Errorf("%q is no name of a variable", name)
	}
	return name, err
}

// variables parses a list of names of environment variables.
func (e *evaluation) variables(v starlark.Value) ([]string, error) {
	list, ok := sequence(v)
	if !ok {
		return nil, want("a list of names of variables", v)
	}
	names := make([]string, list.Len())
	for i := range names {
		var err error
		if names[i], err = e.variableName(list.Index(i)); err != nil {
			return nil, err
		}
	}
	return names, nil
}
