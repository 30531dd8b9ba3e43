// Package redact blanks secrets in text that arrives in pieces.
package redact

import (
	"bytes"
	"slices"
)

// Blank is what stands in a secret's place.
const Blank = "***"

// Redactor blanks secrets in one stream of text. It is not safe for concurrent use.
type Redactor struct {
	secrets [][]byte // the longest first
	first   [256]bool
	pending []byte // the end of what came: perhaps the beginning of a secret
}

// shortest is the length in bytes of the shortest secret that is blanked: shorter ones would blank half of any text.
const shortest = 4

// New returns a redactor for the secrets. Those of fewer than four bytes are left out.
func New(secrets []string) *Redactor {
	r := &Redactor{}
	for _, s := range secrets {
		if len(s) >= shortest {
			r.secrets = append(r.secrets, []byte(s))
			r.first[s[0]] = true
		}
	}
	slices.SortFunc(r.secrets, func(a, b []byte) int { return len(b) - len(a) })
	return r
}

// Text blanks the secrets in a whole text.
func Text(text string, secrets []string) string {
	r := New(secrets)
	if len(r.secrets) == 0 {
		return text
	}
	clean := r.Next([]byte(text))
	return string(append(clean, r.Rest()...))
}

// Next returns what can be said of the stream's text so far, p being the next piece of it: the end of p is kept back where
// a secret may begin there. The result may share memory with p.
func (r *Redactor) Next(p []byte) []byte {
	if len(r.secrets) == 0 {
		return p
	}
	text := p
	if len(r.pending) > 0 {
		text = slices.Concat(r.pending, p)
		r.pending = nil
	}
	clean := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		if !r.first[text[i]] {
			clean = append(clean, text[i])
			i++
			continue
		}
		n, more := r.match(text[i:])
		switch {
		case more:
			r.pending = bytes.Clone(text[i:])
			return clean
		case n > 0:
			clean = append(clean, Blank...)
			i += n
		default:
			clean = append(clean, text[i])
			i++
		}
	}
	return clean
}

// Rest returns what was kept back, at the end of the stream.
func (r *Redactor) Rest() []byte {
	rest := r.pending
	r.pending = nil
	return r.blankInside(rest)
}

// blankInside blanks what was kept back for a longer secret that did not come, but holds a shorter one.
func (r *Redactor) blankInside(rest []byte) []byte {
	var clean []byte
	for len(rest) > 0 {
		if n := r.longest(rest); n > 0 {
			clean = append(clean, Blank...)
			rest = rest[n:]
			continue
		}
		clean = append(clean, rest[0])
		rest = rest[1:]
	}
	return clean
}

// match returns the length of the longest secret with which text begins, 0 if there is none; more is true where a
// longer one may begin here, so that more text is needed to tell.
func (r *Redactor) match(text []byte) (n int, more bool) {
	for _, s := range r.secrets {
		if len(s) > len(text) {
			if bytes.HasPrefix(s, text) {
				return 0, true
			}
		} else if bytes.HasPrefix(text, s) {
			return len(s), false
		}
	}
	return 0, false
}

func (r *Redactor) longest(text []byte) int {
	for _, s := range r.secrets {
		if bytes.HasPrefix(text, s) {
			return len(s)
		}
	}
	return 0
}
