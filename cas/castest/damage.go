package castest

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

func testDamage(t *testing.T, suite Suite) {
	ctx := context.Background()
	reads := map[string]func(t *testing.T, s cas.Store, d hashing.Digest) error{
		"get": func(t *testing.T, s cas.Store, d hashing.Digest) error {
			got, err := s.Get(ctx, d)
			check(t, err)
			if got[0] != nil {
				return nil
			}
			return cas.ErrMissing
		},
		"open": func(_ *testing.T, s cas.Store, d hashing.Digest) error {
			_, err := s.Open(ctx, d)
			return err
		},
		"restore": func(t *testing.T, s cas.Store, d hashing.Digest) error {
			_, err := s.Restore(ctx, d, filepath.Join(t.TempDir(), "x"), 0o644)
			return err
		},
	}
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			s := suite.open(t)
			for _, content := range everyBlob() {
				d := put(t, s, content)[0]
				suite.Damage(t, s.Store, d)
				expectLost(t, s, d, func() error { return read(t, s, d) })
				put(t, s, content)
				expectBlobs(t, s, []hashing.Digest{d}, [][]byte{content})
			}
		})
	}
}

// expectLost makes sure that a damaged blob is told once and missing from then on.
func expectLost(t *testing.T, s *opened, d hashing.Digest, read func() error) {
	t.Helper()
	for range 2 {
		if err := read(); !errors.Is(err, cas.ErrMissing) {
			t.Errorf("reading damaged blob %s: error = %v, want ErrMissing", d, err)
		}
	}
	told := s.told()
	if len(told) != 1 || !strings.Contains(told[0], d.String()) || !strings.Contains(told[0], "computed again") {
		t.Errorf("told of blob %s: %q, want one warning that names it", d, told)
	}
	has, err := s.Has(context.Background(), d)
	check(t, err)
	if has[0] {
		t.Errorf("Has still says that blob %s is there", d)
	}
}
