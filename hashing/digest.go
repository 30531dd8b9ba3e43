// Package hashing turns content into digests: bytes, files, trees of files and typed values.
// It imports nothing else of calyx.
package hashing

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/zeebo/blake3"
)

// Digest is the BLAKE3-256 of some bytes: the number that b3sum prints for a file with these bytes.
// The zero Digest stands for "no digest" and is never the digest of anything that calyx meets.
type Digest [32]byte

// prefix names the hash function in the printed form.
const prefix = "b3:"

// ErrDigest is wrapped by every error of ParseDigest.
var ErrDigest = errors.New(`not a digest (want "b3:" and 64 hexadecimal digits)`)

// Sum returns the digest of p.
func Sum(p []byte) Digest { return blake3.Sum256(p) }

// ParseDigest reads the form that String writes.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || len(digits) != 2*len(d) || strings.ToLower(digits) != digits {
		return Digest{}, fmt.Errorf("%q: %w", s, ErrDigest)
	}
	if _, err := hex.Decode(d[:], []byte(digits)); err != nil {
		return Digest{}, fmt.Errorf("%q: %w", s, ErrDigest)
	}
	return d, nil
}

// String returns "b3:" and 64 lower-case hexadecimal digits.
func (d Digest) String() string { return prefix + d.Hex() }

// Hex returns the 64 hexadecimal digits alone, as b3sum prints them.
func (d Digest) Hex() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether d is the absent digest.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText writes the printed form; the zero Digest becomes the empty text.
func (d Digest) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return nil, nil
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Digest{}
		return nil
	}
	parsed, err := ParseDigest(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
