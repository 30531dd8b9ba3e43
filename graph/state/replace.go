package state

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// replace puts a new file in the place of one, at once and durably, with the permissions of the old one.
func replace(path string, text []byte) error {
	dir := filepath.Dir(path)
	if err := renameio.WriteFile(path, text, 0o666, renameio.WithTempDir(dir), renameio.WithExistingPermissions()); err != nil {
		return err
	}
	// The file's name is in the folder, which is written on its own.
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) { // not every file system can
		err = nil
	}
	return errors.Join(err, d.Close())
}

// mostLinks is how many links may lead to a file, as in Linux.
const mostLinks = 40

// resolve follows the links that path is, so that a link stays one; what they lead to need not be there yet. The folders
// are resolved first: one of them may be a link too, and ".." means where that leads.
func resolve(path string) (string, error) {
	for range mostLinks {
		dir, name := filepath.Split(path)
		dir, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return "", err
		}
		path = filepath.Join(dir, name)
		target, err := os.Readlink(path)
		switch {
		case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.EINVAL): // not there, or no link
			return path, nil
		case err != nil:
			return "", err
		case filepath.IsAbs(target):
			path = target
		default:
			path = dir + string(filepath.Separator) + target
		}
	}
	return "", &os.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
}
