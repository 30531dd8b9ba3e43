package tensors

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/calyx-build/calyx/hashing"
)

// maxDeflate is how much deflate can shrink: no honest member is larger in relation to its compressed size.
const maxDeflate = 1032

// readNpz reads a zip archive of .npy members, as numpy.savez writes it.
func readNpz(r io.ReaderAt, size int64, visit visitor) (*contents, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, zipError(err)
	}
	if err := checkMembers(archive.File, size); err != nil {
		return nil, err
	}
	c := &contents{format: "npz"}
	c.addComment("", archive.Comment)
	for _, f := range archive.File {
		c.addComment(f.Name, f.Comment)
		if err := c.addMember(member{f, r}, visit); err != nil {
			return nil, fmt.Errorf("read member %q: %w", f.Name, zipError(err))
		}
	}
	return c, nil
}

// checkMembers refuses archives that readers understand differently, and those whose members overlap (a small one of
// these can unfold to any size).
func checkMembers(files []*zip.File, size int64) error {
	names := map[string]bool{}
	left := uint64(size)
	for _, f := range files {
		switch {
		case names[f.Name]:
			return malformed("two members are named %q", f.Name)
		case f.NonUTF8 || strings.ContainsRune(f.Name, 0):
			return malformed("the name of member %q is ambiguous", f.Name)
		case f.Flags&1 != 0:
			return malformed("member %q is encrypted", f.Name)
		case f.CompressedSize64 > left || f.UncompressedSize64/maxDeflate > f.CompressedSize64:
			return malformed("the members are larger than the archive can hold")
		}
		names[f.Name] = true
		left -= f.CompressedSize64
	}
	return nil
}

// zipError turns the errors that tell of a damaged archive into ErrContent; others came from reading the file.
func zipError(err error) error {
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) {
		return malformed("%v", err)
	}
	for _, damage := range []error{zip.ErrFormat, zip.ErrAlgorithm, zip.ErrChecksum, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, damage) {
			return malformed("%v", err)
		}
	}
	return err
}

// addComment records a comment on a member, or on the archive where member is empty.
func (c *contents) addComment(member, comment string) {
	if comment != "" {
		c.other = append(c.other, entry{kind: "comment", name: member, digest: hashing.Sum([]byte(comment))})
	}
}

// member is a member of an archive.
type member struct {
	*zip.File
	archive io.ReaderAt
}

// addMember reads a member: an array where it begins as one (numpy.load decides by that too), else by its bytes.
func (c *contents) addMember(m member, visit visitor) error {
	f, err := m.Open()
	if err != nil {
		return err
	}
	defer f.Close()
	start := make([]byte, min(m.UncompressedSize64, uint64(len(npyMagic))))
	if _, err := io.ReadFull(f, start); err != nil {
		return err
	}
	whole := io.MultiReader(bytes.NewReader(start), f)
	if string(start) != npyMagic {
		e := entry{kind: "member", name: m.Name}
		e.digest, err = digestOf(whole)
		c.other = append(c.other, e)
		return err
	}
	a, err := m.array(whole, visit)
	c.arrays = append(c.arrays, a)
	return err
}

// array reads the member as a .npy file.
func (m member) array(whole io.Reader, visit visitor) (array, error) {
	l, header, err := readNpyHeader(whole)
	if err != nil {
		return array{}, err
	}
	length, ok := l.bytes()
	if !ok || uint64(length) != m.UncompressedSize64-uint64(header) {
		return array{}, malformed("the header tells of another length than the member has")
	}
	a := array{name: m.Name, layout: l}
	return a, visit(&a, elements{layout: l, stream: whole, at: func() (io.ReaderAt, error) {
		return m.readerAt(whole, header, length)
	}})
}

// readerAt gives access to any place of the array's elements; rest is the stream that has come to them.
func (m member) readerAt(rest io.Reader, header, length int64) (io.ReaderAt, error) {
	if m.Method == zip.Store {
		if _, err := io.Copy(io.Discard, rest); err != nil { // for the checksum
			return nil, err
		}
		offset, err := m.DataOffset()
		return io.NewSectionReader(m.archive, offset+header, length), err
	}
	if length > gatherLimit {
		return nil, malformed("it is compressed, in Fortran order and larger than %d MiB", gatherLimit>>20)
	}
	data := make([]byte, length)
	if err := readFull(rest, data); err != nil {
		return nil, err
	}
	return bytes.NewReader(data), ended(rest)
}

func digestOf(r io.Reader) (hashing.Digest, error) {
	h := hashing.NewHasher()
	if _, err := io.Copy(h, r); err != nil {
		return hashing.Digest{}, err
	}
	return h.Sum(), nil
}
