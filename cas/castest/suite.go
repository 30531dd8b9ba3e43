// Package castest is the suite that every cas.Store must pass.
package castest

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

// Suite says how to open the store under test.
type Suite struct {
	// Open opens the store in a folder, which keeps its content from one Open to the next. The test closes it.
	Open func(t *testing.T, dir string, warn func(string)) cas.Store
	// Damage flips a bit of what the store keeps of a blob, behind its back.
	Damage func(t *testing.T, s cas.Store, d hashing.Digest)
	// Shared is true where several stores may be open in one folder.
	Shared bool
}

// Run runs every test of the suite.
func (s Suite) Run(t *testing.T) {
	for _, group := range []struct {
		name string
		run  func(*testing.T, Suite)
	}{
		{"Blobs", testBlobs},
		{"Files", testFiles},
		{"RestoreAll", testRestoreAll},
		{"Damage", testDamage},
		{"Rows", testRows},
		{"Transactions", testTransactions},
		{"Leases", testLeases},
	} {
		t.Run(group.name, func(t *testing.T) { group.run(t, s) })
	}
	if s.Shared {
		t.Run("Shared", func(t *testing.T) { testShared(t, s) })
	}
}

// opened is a store in a folder of its own, closed at the end of the test.
type opened struct {
	cas.Store
	dir string

	mu       sync.Mutex
	warnings []string
}

func (s Suite) open(t *testing.T) *opened { return s.openIn(t, t.TempDir()) }

func (s Suite) openIn(t *testing.T, dir string) *opened {
	t.Helper()
	o := &opened{dir: dir}
	o.Store = s.Open(t, dir, o.warn)
	t.Cleanup(func() { check(t, o.Close()) })
	return o
}

// reopen closes the store and opens it again.
func (s Suite) reopen(t *testing.T, o *opened) {
	t.Helper()
	check(t, o.Close())
	o.Store = s.Open(t, o.dir, o.warn)
}

func (o *opened) warn(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.warnings = append(o.warnings, text)
}

// told returns the warnings so far and forgets them.
func (o *opened) told() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := o.warnings
	o.warnings = nil
	return w
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put commits blobs and returns their digests.
func put(t *testing.T, s cas.Store, blobs ...[]byte) []hashing.Digest {
	t.Helper()
	digests := make([]hashing.Digest, len(blobs))
	for i, b := range blobs {
		digests[i] = hashing.Sum(b)
	}
	commit(t, s, cas.Txn{Blobs: blobs})
	return digests
}

// commit applies a transaction that must succeed.
func commit(t *testing.T, s cas.Store, txn cas.Txn) {
	t.Helper()
	results, err := cas.Commit(context.Background(), s, txn)
	check(t, err)
	if len(results) != 1 || !results[0].Applied {
		t.Fatalf("Commit returned %+v, want one transaction, applied", results)
	}
}

// noise is n bytes that do not compress; text is n bytes that do.
func noise(seed uint64, n int) []byte {
	p := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(n), byte(n >> 8), byte(n >> 16)})
	_, _ = r.Read(p)
	return p
}

func text(seed uint64, n int) []byte {
	line := append(noise(seed, 8), "the quick brown fox jumps over the lazy dog\n"...)
	return bytes.Repeat(line, n/len(line)+1)[:n]
}
