package tensors

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// The header of a .npy file is a literal of Python: these are the values that it may consist of, beside string, int64
// and bool.
type (
	pyDict  map[string]any
	pyList  []any
	pyTuple []any
)

// maxDepth is how deep literals may nest.
const maxDepth = 32

// parseLiteral reads one Python literal, with white space around it, as ast.literal_eval would; only what occurs in .npy
// headers is known. longs allows the integers of Python 2 ("3L").
func parseLiteral(text string, longs bool) (any, error) {
	p := literal{rest: text, longs: longs}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.rest != "" {
		return nil, malformed("the header has something after its end")
	}
	return v, nil
}

// literal is what is left to parse.
type literal struct {
	rest  string
	longs bool
}

func (p *literal) space() { p.rest = strings.TrimLeft(p.rest, " \t\n\r") }

// take removes prefix and the white space before it, if it comes next.
func (p *literal) take(prefix string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, prefix)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *literal) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, malformed("the header nests too deep")
	}
	switch {
	case p.take("{"):
		return p.dict(depth)
	case p.take("["):
		items, _, err := p.items("]", depth)
		return pyList(items), err
	case p.take("("):
		return p.tuple(depth)
	case p.take("'"):
		return p.text('\'')
	case p.take(`"`):
		return p.text('"')
	case p.take("True"):
		return true, nil
	case p.take("False"):
		return false, nil
	}
	return p.integer()
}

func (p *literal) dict(depth int) (pyDict, error) {
	d := pyDict{}
	for !p.take("}") {
		key, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if _, twice := d[name]; !ok || twice || !p.take(":") {
			return nil, malformed("the header is not a dictionary of distinct names")
		}
		if d[name], err = p.value(depth + 1); err != nil {
			return nil, err
		}
		if !p.take(",") {
			if p.take("}") {
				return d, nil
			}
			return nil, malformed("the header's dictionary does not end")
		}
	}
	return d, nil
}

// items reads values up to the closing bracket; comma tells whether one stood after the last.
func (p *literal) items(closing string, depth int) (items []any, comma bool, err error) {
	for !p.take(closing) {
		if len(items) > 0 && !comma {
			return nil, false, malformed("a comma is missing in the header")
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, false, err
		}
		items = append(items, v)
		comma = p.take(",")
	}
	return items, comma, nil
}

// tuple reads a tuple, or a value in parentheses.
func (p *literal) tuple(depth int) (any, error) {
	items, comma, err := p.items(")", depth)
	if err != nil {
		return nil, err
	}
	if len(items) == 1 && !comma {
		return items[0], nil
	}
	return pyTuple(items), nil
}

func (p *literal) integer() (any, error) {
	p.space()
	n := 0
	for n < len(p.rest) && (p.rest[n] >= '0' && p.rest[n] <= '9' || n == 0 && p.rest[n] == '-') {
		n++
	}
	v, err := strconv.ParseInt(p.rest[:n], 10, 64)
	if err != nil || strconv.FormatInt(v, 10) != p.rest[:n] {
		return nil, malformed("the header holds %.20q, where a value was expected", p.rest)
	}
	p.rest = p.rest[n:]
	if p.longs {
		p.rest = strings.TrimPrefix(p.rest, "L")
	}
	return v, nil
}

// text reads the rest of a string after its opening quote.
func (p *literal) text(quote byte) (string, error) {
	var b strings.Builder
	for i := 0; i < len(p.rest); {
		switch c := p.rest[i]; c {
		case quote:
			p.rest = p.rest[i+1:]
			return b.String(), nil
		case '\n':
			return "", malformed("a string in the header does not end")
		case '\\':
			r, n, err := escape(p.rest[i:])
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
			i += n
		default:
			b.WriteByte(c)
			i++
		}
	}
	return "", malformed("a string in the header does not end")
}

// escape reads the escape sequences that repr() writes; it returns the character and the length of the sequence.
func escape(s string) (rune, int, error) {
	if len(s) < 2 {
		return 0, 0, malformed("a string in the header does not end")
	}
	if i := strings.IndexByte(`\'"nrt`, s[1]); i >= 0 {
		return rune("\\'\"\n\r\t"[i]), 2, nil
	}
	digits, ok := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]]
	if !ok || len(s) < 2+digits {
		return 0, 0, malformed("unknown escape sequence %.2q in the header", s)
	}
	code, err := strconv.ParseUint(s[2:2+digits], 16, 32)
	if err != nil || code > utf8.MaxRune || !utf8.ValidRune(rune(code)) {
		return 0, 0, malformed("unknown escape sequence %.10q in the header", s)
	}
	return rune(code), 2 + digits, nil
}
