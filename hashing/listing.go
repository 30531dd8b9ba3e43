package hashing

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Listing is what a folder held, one level deep. The Digest of its Record counts names, what they are (a file, a folder
// and so on), and where links point; it does not count contents.
type Listing struct {
	Record
	Names []Name // sorted
}

// Name is one name in a folder.
type Name struct {
	Name   string
	Type   fs.FileMode // the type bits alone; a link is a link
	Target string      // of a link, as it is written
}

// IsLink reports whether it names a symbolic link.
func (n Name) IsLink() bool { return n.Type == fs.ModeSymlink }

// DirRead is a folder whose names were listed. The digest of its record is that of the Listing.
type DirRead struct {
	Path string // as the system takes it
	Record
}

// List lists the folder at path. clock is that of its file system.
func List(path string, clock Clock) (*Listing, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	l := &Listing{}
	if l.Stat, err = Fstat(int(f.Fd())); err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	l.Racy = l.Stat.IsRacy(clock())
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	if l.Names, err = names(path, entries); err != nil {
		return nil, err
	}
	l.Digest = l.digest()
	return l, nil
}

// ReadLink digests where the link at path points, as it is written.
func ReadLink(path string, clock Clock) (Record, error) {
	st, err := Lstat(path)
	if err != nil {
		return Record{}, err
	}
	r := Record{Stat: st, Racy: st.IsRacy(clock())}
	target, err := os.Readlink(path)
	if err != nil {
		return Record{}, err
	}
	r.Digest = Sum([]byte(target))
	return r, nil
}

func names(dir string, entries []fs.DirEntry) ([]Name, error) {
	list := make([]Name, len(entries))
	for i, e := range entries {
		list[i] = Name{Name: e.Name(), Type: e.Type()}
		if !list[i].IsLink() {
			continue
		}
		at := joinPath(dir, e.Name())
		target, err := os.Readlink(at)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, fs.ErrNotExist) {
			err = &os.PathError{Op: "read", Path: at, Err: ErrChanged}
		}
		if err != nil {
			return nil, err
		}
		list[i].Target = target
	}
	return list, nil
}

const listingVersion = 1

func (l *Listing) digest() Digest {
	b := make([]byte, 0, 1+24*len(l.Names))
	b = append(b, listingVersion)
	for _, n := range l.Names {
		b = binary.BigEndian.AppendUint32(b, uint32(n.Type))
		b = appendBytes(b, n.Name)
		b = appendBytes(b, n.Target)
	}
	return Sum(b)
}
