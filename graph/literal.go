package graph

import (
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/rows"
)

// Literal is a plain value as package hashing encodes it: nil, bool, int64, *big.Int, float64, string, []byte, []any or
// hashing.Map. It is written as its canonical encoding, so that types survive.
type Literal struct{ V any }

// IsZero reports whether l is absent; encodings leave such a literal out.
func (l Literal) IsZero() bool { return l.V == nil }

// MarshalCBOR writes the canonical encoding as a byte string.
func (l Literal) MarshalCBOR() ([]byte, error) {
	encoded, err := hashing.Canonical(l.V)
	if err != nil {
		return nil, err
	}
	return rows.Marshal(encoded)
}

// UnmarshalCBOR reads what MarshalCBOR wrote.
func (l *Literal) UnmarshalCBOR(text []byte) error {
	var encoded []byte
	err := rows.Unmarshal(text, &encoded)
	if err == nil {
		l.V, err = hashing.Decode(encoded)
	}
	return err
}
