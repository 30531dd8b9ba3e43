package tensors

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/hashing"
)

// meanings holds the fixtures: those on one line mean the same, those on different lines do not.
var meanings = []string{
	"f4.npy f4-fortran.npy f4-big.npy f4-fortran-big.npy f4-v2.npy f4-v3.npy",
	"f4-flat.npy",
	"f4-changed.npy",
	"f8.npy",
	"i4-same-bytes.npy",
	"zero.npy",
	"minus-zero.npy",
	"nan.npy",
	"nan-payload.npy",
	"words.npy words-big.npy",
	"bytes.npy",
	"bool.npy",
	"complex.npy complex-big.npy",
	"dates.npy",
	"scalar.npy",
	"empty.npy",
	"half.npy",
	"struct.npy struct-big.npy",
	"struct-renamed.npy",
	"accents-v1.npy accents-v3.npy",
	"two.npz two-reordered.npz two-fortran.npz two-compressed.npz two-compressed-fortran.npz two-later.npz",
	"two-changed.npz",
	"two-renamed.npz",
	"two-note.npz",
	"two-other-note.npz",
	"two-comment.npz",
	"model.safetensors model-reordered.safetensors",
	"model-metadata.safetensors",
	"model-other-metadata.safetensors",
	"model-changed.safetensors",
	"model-renamed.safetensors",
}

// withoutMeaning are the fixtures that must be seen as bytes.
var withoutMeaning = []string{"object.npy", "object-field.npy", "object.npz", "two-double.npz", "overlap.npz"}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func digestOfBytes(text []byte, media string) (hashing.Digest, bool, error) {
	return LogicalDigest(bytes.NewReader(text), int64(len(text)), media)
}

func TestFilesOfOneMeaningHaveOneDigest(t *testing.T) {
	seen := map[hashing.Digest]string{}
	for _, line := range meanings {
		var digest hashing.Digest
		for i, name := range strings.Fields(line) {
			d, ok, err := LogicalFileDigest(filepath.Join("testdata", name), MediaOf(name))
			if !ok || err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if i == 0 {
				digest = d
			}
			if d != digest {
				t.Errorf("%s differs from the others of %q", name, line)
			}
		}
		if other, taken := seen[digest]; taken {
			t.Errorf("%q and %q have the same digest", line, other)
		}
		seen[digest] = line
	}
}

func TestEveryFixtureIsTested(t *testing.T) {
	tested := map[string]bool{"generate.py": true}
	for _, name := range append(strings.Fields(strings.Join(meanings, " ")), withoutMeaning...) {
		tested[name] = true
	}
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !tested[f.Name()] && !f.IsDir() {
			t.Errorf("%s is in no table", f.Name())
		}
	}
}

func TestWhatNeedsCodeOrIsAmbiguousIsSeenAsBytes(t *testing.T) {
	for _, name := range withoutMeaning {
		d, ok, err := LogicalFileDigest(filepath.Join("testdata", name), MediaOf(name))
		if ok || !d.IsZero() || !errors.Is(err, ErrContent) {
			t.Errorf("%s: got %v, %v, %v", name, d, ok, err)
		}
		if errors.Is(err, ErrNeedsCode) != strings.HasPrefix(name, "object") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestOtherMediaTypesHaveNoMeaningAndNoWarning(t *testing.T) {
	for _, media := range []string{"", "text/plain", "application/octet-stream", MediaOf("model.pt")} {
		if d, ok, err := digestOfBytes(fixture(t, "f4.npy"), media); ok || err != nil || !d.IsZero() {
			t.Errorf("%q: got %v, %v, %v", media, d, ok, err)
		}
	}
}

func TestNoPartOfAFileHasAMeaning(t *testing.T) {
	for _, line := range meanings {
		for _, name := range strings.Fields(line) {
			whole := fixture(t, name)
			for n := range whole {
				if _, ok, err := digestOfBytes(whole[:n], MediaOf(name)); ok || !errors.Is(err, ErrContent) {
					t.Fatalf("%s cut to %d bytes: got %v, %v", name, n, ok, err)
				}
			}
		}
	}
}

func TestNothingMayFollowTheData(t *testing.T) {
	for _, name := range []string{"f4.npy", "f4-fortran.npy", "scalar.npy", "empty.npy", "model.safetensors"} {
		if _, ok, err := digestOfBytes(append(fixture(t, name), 0), MediaOf(name)); ok || !errors.Is(err, ErrContent) {
			t.Errorf("%s with a byte more: got %v, %v", name, ok, err)
		}
	}
}

// No bit of these files is without a meaning: to change it must change the digest, or make the file malformed.
func TestEveryBitCounts(t *testing.T) {
	for _, name := range []string{
		"f4.npy", "f4-fortran-big.npy", "words-big.npy", "complex.npy", "dates.npy",
		"model.safetensors", "model-metadata.safetensors",
	} {
		text := fixture(t, name)
		digest, _, _ := digestOfBytes(text, MediaOf(name))
		for bit := range 8 * len(text) {
			text[bit/8] ^= 1 << (bit % 8)
			if d, ok, _ := digestOfBytes(text, MediaOf(name)); ok && d == digest {
				t.Errorf("%s: bit %d of byte %d does not count", name, bit%8, bit/8)
			}
			text[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// brokenReader fails after some bytes, as a bad disk does.
type brokenReader struct {
	text []byte
	good int64
}

var errDisk = errors.New("the disk is broken")

func (r brokenReader) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > r.good {
		return 0, errDisk
	}
	return bytes.NewReader(r.text).ReadAt(p, off)
}

func TestErrorsOfReadingAreToldApart(t *testing.T) {
	for _, name := range []string{"f4.npy", "f4-fortran.npy", "two.npz", "two-compressed.npz", "model.safetensors"} {
		text := fixture(t, name)
		size := int64(len(text))
		_, ok, err := LogicalDigest(brokenReader{text, size / 2}, size, MediaOf(name))
		if ok || !errors.Is(err, errDisk) || errors.Is(err, ErrContent) {
			t.Errorf("%s: got %v, %v", name, ok, err)
		}
	}
	if _, ok, err := LogicalFileDigest(filepath.Join(t.TempDir(), "none.npy"), MediaNpy); ok || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: got %v, %v", ok, err)
	}
}

// zeros is a large file that needs no memory.
type zeros struct {
	start []byte
	size  int64
}

func (z zeros) ReadAt(p []byte, off int64) (int, error) {
	n := int(min(int64(len(p)), z.size-off))
	clear(p[:n])
	if off < int64(len(z.start)) {
		copy(p[:n], z.start[off:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestLargeArraysAreStreamed(t *testing.T) {
	const size = 48 << 20
	head := npyFile(1, `{'descr': '>f4', 'fortran_order': False, 'shape': (3, 4194304), }`, nil)
	var ok bool
	memory := allocated(func() {
		_, ok, _ = LogicalDigest(zeros{head, int64(len(head)) + size}, int64(len(head))+size, MediaNpy)
	})
	if !ok || memory > 4<<20 {
		t.Errorf("ok is %v, with %d bytes allocated", ok, memory)
	}
}

// Digests stand in caches and in traces: another encoding needs another encodingVersion.
func TestDigestsStayWhatTheyAre(t *testing.T) {
	for name, want := range map[string]string{
		"f4.npy":                     "b3:9f2557b847c7f5a2b78439dea1e8aa58b102801ad393f6a311c17c321ba9ec4a",
		"struct.npy":                 "b3:36333ce9d36b69319d474bdba88099b480e088d6dfb36660b0d8ed4062faa80f",
		"two-note.npz":               "b3:9de21ee2d459a364f9ba6b847a942d59da1985772900ab25fbc532283a403d53",
		"model-metadata.safetensors": "b3:c5d9ca43c3baa7706dccb1878cd828a2f583bb67ae6cc2935786d03683128012",
	} {
		if got, _, err := LogicalFileDigest(filepath.Join("testdata", name), MediaOf(name)); got.String() != want {
			t.Errorf("%s: got %v (%v), want %s", name, got, err, want)
		}
	}
}
