package tensors

import (
	"cmp"
	"maps"
	"slices"

	"github.com/calyx-build/calyx/hashing"
)

// encodingVersion names what the logical digest is made of, so that it can change.
const encodingVersion = "calyx tensors 1"

// digestElements notes the digest of an array's elements.
func digestElements(a *array, e elements) error {
	h := hashing.NewHasher()
	err := e.logical(func(p []byte) { _, _ = h.Write(p) }) // a hash does not fail
	a.elements = h.Sum()
	return err
}

// digest is the logical digest: of the canonical encoding of everything that counts, sorted by name. The format counts
// too, because what is read from a file depends on it.
func (c *contents) digest() (hashing.Digest, error) {
	slices.SortFunc(c.arrays, func(a, b array) int { return cmp.Compare(a.name, b.name) })
	slices.SortFunc(c.other, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	})
	var arrays, other []any
	for _, a := range c.arrays {
		shape := make([]any, len(a.layout.shape))
		for i, n := range a.layout.shape {
			shape[i] = n
		}
		arrays = append(arrays, []any{[]byte(a.name), a.layout.dtype.text, shape, a.elements[:]})
	}
	for _, e := range c.other {
		other = append(other, []any{e.kind, []byte(e.name), e.digest[:]})
	}
	encoded, err := hashing.Canonical([]any{encodingVersion, c.format, arrays, canonicalMetadata(c.metadata), other})
	if err != nil {
		return hashing.Digest{}, err
	}
	return hashing.Sum(encoded), nil
}

// canonicalMetadata tells metadata that are not there (nil) from empty ones.
func canonicalMetadata(metadata map[string]string) any {
	if metadata == nil {
		return nil
	}
	pairs := hashing.Map{}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		pairs = append(pairs, hashing.Pair{Key: key, Value: metadata[key]})
	}
	return pairs
}
