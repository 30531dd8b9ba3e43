package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/hashing"
)

// Blob describes a blob that is kept as a file. A file whose stat is still Stat has not been written since its bytes
// were last checked.
type Blob struct {
	Digest hashing.Digest
	Size   int64
	Stat   hashing.Stat
}

// ErrDamaged is wrapped where a blob's file does not hold the blob's bytes.
var ErrDamaged = errors.New("damaged")

// blobMode lets nobody write to a blob, not even its owner.
const blobMode = 0o444

// BlobPath is where a large blob is kept.
func (f *Folder) BlobPath(d hashing.Digest) string {
	digits := d.Hex()
	return filepath.Join(f.path, "blobs", digits[:2], digits)
}

// Write keeps bytes as a file. It is durable when Write returns.
func (f *Folder) Write(d hashing.Digest, p []byte) (Blob, error) {
	tmp, err := f.temporary()
	if err != nil {
		return Blob{}, err
	}
	defer discard(tmp)
	if _, err := tmp.Write(p); err != nil {
		return Blob{}, f.writeError(d, err)
	}
	return f.keep(tmp, tmp.Name(), d, int64(len(p)))
}

// Import keeps the present content of an open file as a blob. The digest is that of the bytes kept, whatever happens
// to the source meanwhile. The blob is durable when Import returns.
func (f *Folder) Import(src *os.File) (Blob, error) {
	tmp, err := f.temporary()
	if err != nil {
		return Blob{}, err
	}
	defer discard(tmp)
	if err := copyFile(tmp, src); err != nil {
		return Blob{}, fmt.Errorf("copy %q into the cache %q: %w", src.Name(), f.path, err)
	}
	r, err := hashing.ReadRecord(tmp.Name(), noClock)
	if err != nil {
		return Blob{}, fmt.Errorf("copy %q into the cache %q: %w", src.Name(), f.path, err)
	}
	return f.keep(tmp, tmp.Name(), r.Digest, r.Stat.Size)
}

// Adopt keeps an open file itself as a blob, and takes it from its path. One on another file system, or with other names, is
// copied. The blob is durable when Adopt returns.
func (f *Folder) Adopt(src *os.File) (Blob, error) {
	tmp, err := f.temporary()
	if err != nil {
		return Blob{}, err
	}
	defer discard(tmp)
	if !isOnlyName(src) || os.Rename(src.Name(), tmp.Name()) != nil {
		return f.Import(src)
	}
	r, err := settled(src, tmp.Name())
	if err != nil {
		return Blob{}, fmt.Errorf("take %q into the cache %q: %w", src.Name(), f.path, err)
	}
	return f.keep(src, tmp.Name(), r.Digest, r.Stat.Size)
}

// settled digests a file that nobody may open for writing any more. Whoever has it open from before can still write, and its
// digest must not stand for what came after.
func settled(file *os.File, at string) (hashing.Record, error) {
	if err := errors.Join(file.Chmod(blobMode), file.Sync()); err != nil {
		return hashing.Record{}, err
	}
	r, err := hashing.ReadRecord(at, noClock)
	if err != nil {
		return r, err
	}
	if now, err := hashing.Lstat(at); err != nil || now != r.Stat {
		return r, errors.Join(hashing.ErrChanged, err)
	}
	return r, nil
}

// isOnlyName reports whether an open file is what stands at its path, and stands nowhere else.
func isOnlyName(file *os.File) bool {
	var open, there unix.Stat_t
	return unix.Fstat(int(file.Fd()), &open) == nil && unix.Lstat(file.Name(), &there) == nil &&
		open.Dev == there.Dev && open.Ino == there.Ino && open.Nlink == 1
}

// keep makes a complete file, which stands at a temporary path, the blob.
func (f *Folder) keep(file *os.File, at string, d hashing.Digest, size int64) (Blob, error) {
	path := f.BlobPath(d)
	err := errors.Join(file.Chmod(blobMode), file.Sync())
	if err == nil {
		err = f.place(at, path)
	}
	if err != nil {
		return Blob{}, f.writeError(d, err)
	}
	stat, err := hashing.Lstat(path)
	if err != nil {
		return Blob{}, f.writeError(d, err)
	}
	return Blob{Digest: d, Size: size, Stat: stat}, nil
}

// place moves a file to its blob's path, durably.
func (f *Folder) place(from, to string) error {
	parent := filepath.Dir(to)
	switch err := os.Mkdir(parent, 0o700); {
	case err == nil:
		if err := syncFolder(filepath.Dir(parent)); err != nil {
			return err
		}
	case !errors.Is(err, os.ErrExist):
		if err := os.MkdirAll(parent, 0o700); err != nil {
			return err
		}
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFolder(parent)
}

// Check makes sure that the blob's file holds its bytes, without reading them where the stat is the remembered one.
// It returns the blob with its present stat. The error wraps os.ErrNotExist or ErrDamaged.
func (f *Folder) Check(b Blob) (Blob, error) {
	stat, err := hashing.Lstat(f.BlobPath(b.Digest))
	if err != nil {
		return Blob{}, fmt.Errorf("read blob %s from the cache: %w", b.Digest, err)
	}
	if stat == b.Stat {
		return b, nil
	}
	return f.verify(b)
}

func (f *Folder) verify(b Blob) (Blob, error) {
	path := f.BlobPath(b.Digest)
	r, err := hashing.ReadRecord(path, noClock)
	if err != nil {
		return Blob{}, fmt.Errorf("read blob %s from the cache: %w", b.Digest, err)
	}
	if r.Digest != b.Digest || r.Stat.Size != b.Size {
		return Blob{}, fmt.Errorf("%q: %w", path, ErrDamaged)
	}
	return Blob{Digest: b.Digest, Size: b.Size, Stat: r.Stat}, nil
}

// noClock is for files that nobody writes once they have their name: how long ago that was makes no difference.
func noClock() int64 { return 0 }

// Read returns the blob's bytes, checked. The error wraps os.ErrNotExist or ErrDamaged.
func (f *Folder) Read(b Blob) ([]byte, error) {
	path := f.BlobPath(b.Digest)
	p, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read blob %s from the cache: %w", b.Digest, err)
	}
	if int64(len(p)) != b.Size || hashing.Sum(p) != b.Digest {
		return nil, fmt.Errorf("%q: %w", path, ErrDamaged)
	}
	return p, nil
}

// Present tells whether the blob's file is there, with the right size.
func (f *Folder) Present(b Blob) bool {
	stat, err := hashing.Lstat(f.BlobPath(b.Digest))
	return err == nil && stat.Size == b.Size
}

// temporary creates a file in the scratch folder.
func (f *Folder) temporary() (*os.File, error) {
	dir, err := f.Scratch()
	if err != nil {
		return nil, err
	}
	tmp, err := os.CreateTemp(dir, "")
	if err != nil {
		return nil, fmt.Errorf("write to the cache %q: %w", f.path, err)
	}
	return tmp, nil
}

// discard closes a temporary file, and removes it where it has not become something else.
func discard(tmp *os.File) {
	_ = tmp.Close()
	_ = os.Remove(tmp.Name())
}

func (f *Folder) writeError(d hashing.Digest, err error) error {
	return fmt.Errorf("write blob %s to the cache %q: %w", d, f.path, err)
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
