package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/archive"
	"github.com/calyx-build/calyx/cas/local"
	"github.com/calyx-build/calyx/hashing"
)

func open(t testing.TB) *local.Store {
	t.Helper()
	s, err := local.Open(t.TempDir(), func(text string) { t.Error(text) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// sample is blobs of all kinds and some rows.
func sample() (blobs [][]byte, digests []hashing.Digest, rows []cas.Row) {
	random := rand.NewChaCha8([32]byte{1})
	for _, n := range []int{0, 1, 100, 1000, cas.InlineLimit, cas.InlineLimit + 1, 300_000} {
		p := make([]byte, n)
		_, _ = random.Read(p)
		blobs = append(blobs, p, bytes.Repeat(fmt.Appendf(nil, "text %d ", n), n/8+1))
	}
	for _, b := range blobs {
		digests = append(digests, hashing.Sum(b))
	}
	rows = []cas.Row{{Key: []byte("c1"), Value: []byte("one")}, {Key: []byte("c2"), Value: []byte{}}, {Key: []byte("v3"), Value: []byte("three")}}
	return blobs, digests, rows
}

func anything([]byte, []byte) bool { return true }

// written is an archive of the sample.
func written(t testing.TB) []byte {
	t.Helper()
	s := open(t)
	blobs, digests, rows := sample()
	if _, err := cas.Commit(context.Background(), s, cas.Txn{Blobs: blobs}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	summary, err := archive.Export(context.Background(), s, &out, append(digests, digests...), rows)
	if err != nil {
		t.Fatal(err)
	}
	if summary.Blobs != len(blobs) || summary.Rows != len(rows) {
		t.Errorf("Export = %+v, want %d blobs and %d rows", summary, len(blobs), len(rows))
	}
	return out.Bytes()
}

func TestRoundTrip(t *testing.T) {
	ctx := context.Background()
	s := open(t)
	if _, err := cas.Commit(ctx, s, cas.Txn{Put: []cas.Row{{Key: []byte("c1"), Value: []byte("mine")}}}); err != nil {
		t.Fatal(err)
	}
	summary, err := archive.Import(ctx, s, bytes.NewReader(written(t)), anything)
	if err != nil {
		t.Fatal(err)
	}
	blobs, digests, rows := sample()
	if summary.Blobs != len(blobs) || summary.Rows != len(rows) || summary.Kept != 1 {
		t.Errorf("Import = %+v, want %d blobs, %d rows, 1 kept", summary, len(blobs), len(rows))
	}
	got, err := s.Get(ctx, digests...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range blobs {
		if got[i] == nil || !bytes.Equal(got[i], blobs[i]) {
			t.Errorf("a blob of %d bytes arrived with %d", len(blobs[i]), len(got[i]))
		}
	}
	rows[0].Value = []byte("mine") // what was there stays
	for _, r := range rows {
		values, err := s.Rows(ctx, r.Key)
		if err != nil || values[0] == nil || !bytes.Equal(values[0], r.Value) {
			t.Errorf("row %q = %q, %v, want %q", r.Key, values[0], err, r.Value)
		}
	}
}

func TestExportOfMissing(t *testing.T) {
	_, err := archive.Export(context.Background(), open(t), &bytes.Buffer{}, []hashing.Digest{hashing.Sum([]byte("gone"))}, nil)
	if !errors.Is(err, cas.ErrMissing) {
		t.Errorf("error = %v, want ErrMissing", err)
	}
}

// expectRefusal imports what must not be imported, and looks whether rows came in.
func expectRefusal(t *testing.T, s cas.Store, p []byte, accept func(key, value []byte) bool) error {
	t.Helper()
	_, err := archive.Import(context.Background(), s, bytes.NewReader(p), accept)
	if err == nil {
		t.Error("a bad archive was accepted")
	}
	scanErr := s.Scan(context.Background(), nil, func(key, _ []byte) bool {
		t.Errorf("a bad archive left the row %q", key)
		return false
	})
	if scanErr != nil {
		t.Fatal(scanErr)
	}
	return err
}

func TestRefusedRow(t *testing.T) {
	err := expectRefusal(t, open(t), written(t), func(key, _ []byte) bool { return key[0] == 'c' })
	if err != nil && !strings.Contains(err.Error(), `"v3"`) {
		t.Errorf("error = %v, want one that names the key", err)
	}
}

func TestOtherFormats(t *testing.T) {
	s := open(t)
	for in, want := range map[string]string{
		"":                       "does not begin",
		"PK\x03\x04":             "does not begin",
		"calyx-archive-2\nnews!": "calyx-archive-2",
	} {
		if err := expectRefusal(t, s, []byte(in), anything); err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("error for %q = %v, want one with %q", in, err, want)
		}
	}
}

// TestDamage cuts and changes an archive at many places, packed and unpacked.
func TestDamage(t *testing.T) {
	s := open(t)
	whole := written(t)
	plain := unpack(t, whole)
	for _, damage := range []func(p []byte, at int) []byte{
		func(p []byte, at int) []byte { return p[:at] },
		func(p []byte, at int) []byte {
			changed := bytes.Clone(p)
			changed[at] ^= 1 << (at % 8)
			return changed
		},
		func(p []byte, _ int) []byte { return append(bytes.Clone(p), "more"...) },
	} {
		for at := len(archive.Format) + 1; at < len(whole); at += len(whole)/20 + 1 {
			if err := expectRefusal(t, s, damage(whole, at), anything); !errors.Is(err, archive.ErrDamaged) {
				t.Errorf("damage at byte %d: error = %v, want ErrDamaged", at, err)
			}
		}
		places := []int{0, 1, 33, 34, 35, 36, len(plain) / 2, len(plain) - 1, len(plain) - 32, len(plain) - 34, len(plain) - 40}
		for _, at := range places {
			if err := expectRefusal(t, s, pack(t, damage(plain, at)), anything); !errors.Is(err, archive.ErrDamaged) {
				t.Errorf("damage at byte %d of the stream: error = %v, want ErrDamaged", at, err)
			}
		}
	}
}

// unpack returns an archive's stream; pack makes an archive of one.
func unpack(t testing.TB, p []byte) []byte {
	t.Helper()
	r, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	plain, err := r.DecodeAll(p[len(archive.Format)+1:], nil)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func pack(t testing.TB, plain []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	packed := w.EncodeAll(plain, []byte(archive.Format+"\n"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed
}

// FuzzImport reads any stream of records: an error or a sensible summary, never a panic or much memory.
func FuzzImport(f *testing.F) {
	s := open(f)
	plain := unpack(f, written(f))
	f.Add(plain[:200])
	f.Add(plain[len(plain)-80:])
	var out bytes.Buffer
	if _, err := archive.Export(context.Background(), s, &out, nil, []cas.Row{{Key: []byte("c"), Value: []byte("x")}}); err != nil {
		f.Fatal(err)
	}
	f.Add(unpack(f, out.Bytes()))
	f.Fuzz(func(t *testing.T, plain []byte) {
		summary, err := archive.Import(context.Background(), s, bytes.NewReader(pack(t, plain)), func(key, _ []byte) bool {
			return len(key) > 0 && key[0] == 'c'
		})
		if err != nil {
			return
		}
		if summary.Kept > summary.Rows || summary.Bytes > int64(len(plain)) {
			t.Errorf("an archive of %d bytes gave %+v", len(plain), summary)
		}
	})
}
