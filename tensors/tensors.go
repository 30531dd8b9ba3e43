// Package tensors reads array files without running any code of theirs: what arrays a .npy, .npz or safetensors file
// holds, and the digest of what it means.
//
// The logical digest counts dtype, shape and elements in logical order (C order, little endian) of each array, by name,
// and everything else that the file holds: metadata, and entries that are no arrays. Header padding, memory order, byte
// order, compression and the order of entries do not count. Payloads of NaNs and the sign of zero do.
//
// Whatever cannot be read this way (object arrays, which need pickle; malformed content) has no logical digest: it is
// seen as bytes. Reading allocates a bounded amount of memory whatever the file says of itself.
package tensors

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/calyx-build/calyx/hashing"
)

// Media types of the formats that have a logical digest.
const (
	MediaNpy         = "application/x-npy"
	MediaNpz         = "application/x-npz"
	MediaSafetensors = "application/vnd.safetensors"
)

// ErrContent is wrapped where a file is not what its media type says, or holds what this package does not read. Errors
// that do not wrap it came from reading the file.
var ErrContent = errors.New("not readable as tensors")

// ErrNeedsCode is wrapped (beside ErrContent) where a file holds objects that only running code could read.
var ErrNeedsCode = fmt.Errorf("%w: it holds pickled objects, which cannot be read without running code", ErrContent)

// MediaOf returns the media type of a file by its name, or the empty string for a name of no format of this package.
func MediaOf(name string) string {
	switch {
	case strings.HasSuffix(name, ".npy"):
		return MediaNpy
	case strings.HasSuffix(name, ".npz"):
		return MediaNpz
	case strings.HasSuffix(name, ".safetensors"):
		return MediaSafetensors
	}
	return ""
}

// LogicalDigest returns the digest of what size bytes of r mean as the given media type. It reports false where there is
// none and the content must be seen as bytes: for other media types without a warning, for content that could not be
// read with the reason. It streams: it holds at most some 64 MiB however large the arrays are.
func LogicalDigest(r io.ReaderAt, size int64, media string) (d hashing.Digest, ok bool, warning error) {
	c, err := read(r, size, media, digestElements)
	if c == nil || err != nil {
		return hashing.Digest{}, false, err
	}
	d, err = c.digest()
	if err != nil {
		return hashing.Digest{}, false, err
	}
	return d, true, nil
}

// LogicalFileDigest is LogicalDigest of a file.
func LogicalFileDigest(path, media string) (d hashing.Digest, ok bool, warning error) {
	f, err := os.Open(path)
	if err != nil {
		return hashing.Digest{}, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return hashing.Digest{}, false, err
	}
	d, ok, warning = LogicalDigest(f, info.Size(), media)
	if warning != nil {
		warning = fmt.Errorf("read the tensors of %q: %w", path, warning)
	}
	return d, ok, warning
}

// contents is what a file holds.
type contents struct {
	format   string
	arrays   []array
	metadata map[string]string // nil where the format has none, or the file says nothing
	other    []entry           // what is no array
}

// array is one array of a file. What is learnt of its elements depends on the visitor that read it.
type array struct {
	name     string // empty for the one array of a .npy file
	layout   layout
	elements hashing.Digest // in logical order, by digestElements
	head     []string       // the first elements as text, by headOf
}

// entry is something beside the arrays: a member of an archive ("member") or a remark ("comment").
type entry struct {
	kind, name string
	digest     hashing.Digest
}

// visitor is shown the elements of each array as its file is read.
type visitor func(a *array, e elements) error

// read reads a file of one of the formats; nil for other media types.
func read(r io.ReaderAt, size int64, media string, visit visitor) (*contents, error) {
	switch media {
	case MediaNpy:
		return readNpy(r, size, visit)
	case MediaNpz:
		return readNpz(r, size, visit)
	case MediaSafetensors:
		return readSafetensors(r, size, visit)
	}
	return nil, nil
}

// malformed is an error that wraps ErrContent.
func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrContent, fmt.Sprintf(format, args...))
}
