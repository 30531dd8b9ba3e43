package graph

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/calyx-build/calyx/hashing"
)

// maxNesting bounds lists and dictionaries within one another, so that no text can exhaust the stack.
const maxNesting = 100

// ValidName reports whether a Calyxfile may give something this name: [A-Za-z_][A-Za-z0-9_.-]*.
func ValidName(name string) bool {
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return false
		}
	}
	return name != "" && name[0] != '.' && name[0] != '-' && (name[0] < '0' || name[0] > '9')
}

// ParseSpelling reads what Spell writes, and is generous about spaces, the order of arguments, and true, false and null
// beside True, False and None. Its errors wrap ErrSpelling.
func ParseSpelling(text string) (name string, args []NamedLiteral, err error) {
	p := parser{text: text}
	name, args, err = p.spelling()
	if err == nil && p.at < len(text) {
		err = p.fail("unexpected %q", text[p.at:])
	}
	return name, args, err
}

// parser reads literals, spellings and targets from the left.
type parser struct {
	text string
	at   int
}

func (p *parser) fail(format string, args ...any) error {
	return fmt.Errorf("read %q: %w at character %d: %s", p.text, ErrSpelling, p.at+1, fmt.Sprintf(format, args...))
}

// next skips spaces and reports the byte that follows, 0 at the end.
func (p *parser) next() byte {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
	return p.peek()
}

func (p *parser) peek() byte {
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

// take consumes c, after spaces, if it is next.
func (p *parser) take(c byte) bool {
	if p.next() != c || p.at == len(p.text) {
		return false
	}
	p.at++
	return true
}

func (p *parser) expect(c byte) error {
	if p.take(c) {
		return nil
	}
	return p.fail("want %q", c)
}

// word consumes letters of names.
func (p *parser) word() string {
	start := p.at
	for p.at < len(p.text) && isNameByte(p.text[p.at]) {
		p.at++
	}
	return p.text[start:p.at]
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '-'
}

func (p *parser) spelling() (name string, args []NamedLiteral, err error) {
	name = p.word()
	if !ValidName(name) {
		return "", nil, p.fail("want a name")
	}
	if p.peek() == '(' {
		args, err = p.arguments()
	}
	return name, args, err
}

func (p *parser) arguments() ([]NamedLiteral, error) {
	var args []NamedLiteral
	seen := map[string]bool{}
	err := p.sequence('(', ')', func() error {
		p.next()
		name := p.word()
		if !ValidName(name) || seen[name] {
			return p.fail("want a new argument, name=value")
		}
		seen[name] = true
		if err := p.expect('='); err != nil {
			return err
		}
		v, err := p.literal(0)
		args = append(args, NamedLiteral{name, Literal{v}})
		return err
	})
	return args, err
}

// sequence reads elements between brackets, with commas between them and perhaps after the last.
func (p *parser) sequence(open, end byte, element func() error) error {
	if err := p.expect(open); err != nil {
		return err
	}
	for !p.take(end) {
		if err := element(); err != nil {
			return err
		}
		if p.next() != end {
			if err := p.expect(','); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *parser) literal(depth int) (any, error) {
	if depth > maxNesting {
		return nil, p.fail("nested too deeply")
	}
	switch c := p.next(); {
	case c == '"':
		return p.quoted()
	case c == 'b' && strings.HasPrefix(p.text[p.at:], `b"`):
		p.at++
		s, err := p.quoted()
		return []byte(s), err
	case c == '[':
		list := []any{}
		err := p.sequence('[', ']', func() error {
			v, err := p.literal(depth + 1)
			list = append(list, v)
			return err
		})
		return list, err
	case c == '{':
		return p.dictionary(depth)
	}
	return p.scalar()
}

func (p *parser) dictionary(depth int) (any, error) {
	m := hashing.Map{}
	seen := map[string]bool{}
	err := p.sequence('{', '}', func() error {
		p.next()
		key, err := p.quoted()
		if err != nil {
			return err
		}
		if seen[key] {
			return p.fail("key %q is there twice", key)
		}
		seen[key] = true
		if err := p.expect(':'); err != nil {
			return err
		}
		v, err := p.literal(depth + 1)
		m = append(m, hashing.Pair{Key: key, Value: v})
		return err
	})
	return m, err
}

// quoted reads a string in double quotes, with Go's escapes (which hold JSON's but for surrogate pairs).
func (p *parser) quoted() (string, error) {
	prefix, err := strconv.QuotedPrefix(p.text[p.at:])
	if err != nil || prefix[0] != '"' {
		return "", p.fail("want a string in double quotes")
	}
	s, err := strconv.Unquote(prefix)
	if err != nil {
		return "", p.fail("%v", err)
	}
	p.at += len(prefix)
	return s, nil
}

var integer = regexp.MustCompile(`^[+-]?[0-9]+$`)

var decimal = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

func (p *parser) scalar() (any, error) {
	start := p.at
	for p.at < len(p.text) && (isNameByte(p.text[p.at]) || p.text[p.at] == '+') {
		p.at++
	}
	word := p.text[start:p.at]
	switch {
	case integer.MatchString(word):
		return ParseInteger(word), nil
	case decimal.MatchString(word):
		if f, err := strconv.ParseFloat(word, 64); err == nil {
			return f, nil
		}
	}
	if v, ok := words[word]; ok {
		return v, nil
	}
	p.at = start
	return nil, p.fail("want a value: a number, True, False, None, or a string in double quotes")
}

// words are the scalars that are neither numbers nor strings.
var words = map[string]any{
	"None": nil, "null": nil, "True": true, "true": true, "False": false, "false": false,
	"inf": math.Inf(1), "-inf": math.Inf(-1), "nan": math.NaN(),
}

// ParseInteger returns decimal digits, perhaps after a sign, as a literal: int64 where it fits, else *big.Int.
func ParseInteger(digits string) any {
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		return n
	}
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		panic(fmt.Sprintf("internal error: %q is no integer", digits))
	}
	return n
}
