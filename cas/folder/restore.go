package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/hashing"
)

// TemporaryPrefix begins the names of files that are being restored, beside the path that they will have. A process
// that is killed can leave one behind.
const TemporaryPrefix = ".calyx-tmp-"

// RestoreBytes writes a file with these bytes and permission bits in the place of what stands at path, which is the
// caller's alone meanwhile. What is killed in the middle leaves a part of it. over says that the file that is there need
// not be spared: where it is small it is written over, which costs a tenth of removing it and making another.
//
// A switch of branches restores thousands of small files, so this makes no system call that it can do without: os.File
// would ask the new file's flags, try to poll it, and look again at the name that it takes.
func (f *Folder) RestoreBytes(p []byte, path string, perm uint32, over bool) (hashing.Stat, error) {
	if over {
		if stat, ok := writeOver(p, path, perm); ok {
			return stat, nil
		}
	}
	stat, err := writeNew(p, path, perm)
	if err != nil {
		return hashing.Stat{}, fmt.Errorf("restore %q: %w", path, err)
	}
	return stat, nil
}

func writeNew(p []byte, path string, perm uint32) (stat hashing.Stat, err error) {
	if err := unlink(path); err != nil {
		return stat, err
	}
	fd, err := openNew(path, perm|0o200)
	if err != nil {
		return stat, err
	}
	defer func() {
		if err = errors.Join(err, unix.Close(fd)); err != nil {
			_ = unlink(path)
		}
	}()
	for len(p) > 0 {
		n, err := unix.Write(fd, p)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return stat, err
		}
		p = p[max(n, 0):]
	}
	stat, err = hashing.Fstat(fd)
	if err == nil && stat.Mode&0o777 != perm {
		if err = unix.Fchmod(fd, perm); err == nil {
			stat, err = hashing.Fstat(fd)
		}
	}
	return stat, err
}

func openNew(path string, perm uint32) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, perm)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// PublishBytes is RestoreBytes for a path that others may be reading: they find the whole file or none.
func (f *Folder) PublishBytes(p []byte, path string, perm uint32) (hashing.Stat, error) {
	return f.restore(path, perm, func(tmp *os.File) error {
		_, err := tmp.Write(p)
		return err
	})
}

// Restore writes a new file with a checked blob's bytes and moves it to path. The new file shares the blob's blocks
// where the file system can, never its inode.
func (f *Folder) Restore(b Blob, path string, perm uint32) (hashing.Stat, error) {
	src, err := os.Open(f.BlobPath(b.Digest))
	if err != nil {
		return hashing.Stat{}, fmt.Errorf("restore %q: %w", path, err)
	}
	stat, err := f.restore(path, perm, func(tmp *os.File) error { return copyFile(tmp, src) })
	return stat, errors.Join(err, src.Close())
}

func (f *Folder) restore(path string, perm uint32, fill func(*os.File) error) (hashing.Stat, error) {
	tmp, err := f.createBeside(path, perm)
	if err != nil {
		return hashing.Stat{}, fmt.Errorf("restore %q: %w", path, err)
	}
	err = errors.Join(fill(tmp), tmp.Close())
	if err == nil {
		// A file system that keeps a renamed file's content safe (ext4) writes it to the disk at once where the name is taken,
		// which takes ten times as long. What is restored can be restored again, so there is nothing to keep safe.
		if err = unlink(path); err == nil {
			err = os.Rename(tmp.Name(), path)
		}
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return hashing.Stat{}, fmt.Errorf("restore %q: %w", path, err)
	}
	return settle(path, perm)
}

// unlink removes what stands at a path, if anything does.
func unlink(path string) error {
	err := unix.Unlink(path)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// createBeside creates a file in the folder of path, under a name that no other process of this machine or of another
// container uses.
func (f *Folder) createBeside(path string, perm uint32) (*os.File, error) {
	stem := filepath.Join(filepath.Dir(path), TemporaryPrefix+strconv.Itoa(os.Getpid())+"-")
	for {
		name := stem + strconv.FormatUint(f.serial.Add(1), 36)
		tmp, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, os.FileMode(perm)|0o200)
		if !errors.Is(err, os.ErrExist) {
			return tmp, err
		}
	}
}

// settle gives a new file its permission bits, where the umask or the need to write it kept some away, and returns its
// stat, taken last because moving a file changes its ctime.
func settle(path string, perm uint32) (hashing.Stat, error) {
	stat, err := hashing.Lstat(path)
	if err == nil && stat.Mode&0o777 != perm {
		if err = os.Chmod(path, os.FileMode(perm)); err == nil {
			stat, err = hashing.Lstat(path)
		}
	}
	if err != nil {
		return hashing.Stat{}, fmt.Errorf("restore %q: %w", path, err)
	}
	return stat, nil
}
