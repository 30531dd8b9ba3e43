package graph

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/calyx-build/calyx/hashing"
)

// Literal is a plain value as package hashing encodes it: nil, bool, int64, *big.Int, float64, string, []byte, []any or
// hashing.Map. In JSON it is the text of its canonical encoding, so that types survive.
type Literal struct{ V any }

// IsZero reports whether l is absent; JSON leaves such a literal out.
func (l Literal) IsZero() bool { return l.V == nil }

// MarshalJSON writes the canonical encoding in base64.
func (l Literal) MarshalJSON() ([]byte, error) {
	encoded, err := hashing.Canonical(l.V)
	if err != nil {
		return nil, err
	}
	return json.Marshal(base64.RawStdEncoding.EncodeToString(encoded))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (l *Literal) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	encoded, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return fmt.Errorf("read literal: %w", err)
	}
	l.V, err = hashing.Decode(encoded)
	return err
}
