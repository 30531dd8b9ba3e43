package hashing

import "github.com/zeebo/blake3"

// Hasher digests what is written to it, in one stream. It is not safe for concurrent use.
type Hasher struct{ h *blake3.Hasher }

// NewHasher returns a Hasher that has seen nothing.
func NewHasher() *Hasher { return &Hasher{blake3.New()} }

// Write never fails.
func (h *Hasher) Write(p []byte) (int, error) { return h.h.Write(p) }

// Sum returns the digest of what was written so far.
func (h *Hasher) Sum() (d Digest) {
	h.h.Sum(d[:0])
	return d
}

// Reset forgets what was written.
func (h *Hasher) Reset() { h.h.Reset() }
