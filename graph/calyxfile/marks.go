package calyxfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// marks are the placeholders that a node, or an output, leaves in a string into which it is formatted. A placeholder is
// a NUL byte, a seed, a number in a table, and another NUL byte. The seed is a digest of the Calyxfile, so that no text
// of the user holds it by accident and the same file always leaves the same placeholders. All its letters are digits:
// they survive upper() and lower().
type marks struct {
	seed  string
	table []*mark
}

// mark is what a placeholder stands for: a node's value, or (with expr of kind OutputPath) a path of the step itself.
type mark struct {
	node *declared // nil for an output
	expr graph.Expr
	out  *output
}

const (
	seedDigits = 16
	markLength = 1 + seedDigits + 10 + 1
)

// seedMarks sets the seed by the first file.
func (m *marks) seedMarks(text []byte) {
	if m.seed == "" {
		digest := hashing.Sum(text)
		m.seed = fmt.Sprintf("%016d", binary.LittleEndian.Uint64(digest[:])%1e16)
	}
}

// place enters what a placeholder stands for and returns the placeholder.
func (m *marks) place(k *mark) string {
	m.table = append(m.table, k)
	return fmt.Sprintf("\x00%s%010d\x00", m.seed, len(m.table)-1)
}

// marked reports whether s may hold a placeholder, or what is left of one.
func (m *marks) marked(s string) bool {
	return strings.IndexByte(s, 0) >= 0 || m.seed != "" && strings.Contains(s, m.seed)
}

// at returns what the placeholder stands for that s begins with, nil if it begins with none.
func (m *marks) at(s string) *mark {
	if len(s) < markLength || s[0] != 0 || s[markLength-1] != 0 || s[1:1+seedDigits] != m.seed {
		return nil
	}
	n, err := strconv.ParseUint(s[1+seedDigits:markLength-1], 10, 64)
	if err != nil || n >= uint64(len(m.table)) {
		return nil
	}
	return m.table[n]
}

var errBrokenMark = errors.New("a node was formatted into this string and the string was then cut or rewritten; " +
	"format the node last")

var errNUL = errors.New("a NUL byte cannot be passed to a program")

// split calls text and node for the parts of a string, in order.
func (m *marks) split(s string, text func(string), node func(*mark) error) error {
	for s != "" {
		n := strings.IndexByte(s, 0)
		if n < 0 {
			n = len(s)
		}
		if strings.Contains(s[:n], m.seed) {
			return errBrokenMark
		}
		if n > 0 {
			text(s[:n])
		}
		if s = s[n:]; s == "" {
			break
		}
		k := m.at(s)
		if k == nil && strings.Contains(s, m.seed) {
			return errBrokenMark
		}
		if k == nil {
			return errNUL
		}
		if err := node(k); err != nil {
			return err
		}
		s = s[markLength:]
	}
	return nil
}

// describe replaces the placeholders in a text for people by the names of what they stand for.
func (m *marks) describe(text string) string {
	if !m.marked(text) {
		return text
	}
	var b strings.Builder
	for text != "" {
		if k := m.at(text); k != nil {
			b.WriteString("{" + k.name() + "}")
			text = text[markLength:]
			continue
		}
		b.WriteByte(text[0])
		text = text[1:]
	}
	return b.String()
}

func (k *mark) name() string {
	if k.node == nil {
		return k.out.Path
	}
	return refName(k.expr.Ref)
}

// refName writes a reference as the Calyxfile would.
func refName(r graph.Ref) string {
	if r.Output == "" {
		return r.Node
	}
	return fmt.Sprintf("%s[%q]", r.Node, r.Output)
}
