package calyx

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// copyTo copies a file or a folder to a path where there is nothing.
func copyTo(to, from string, st fs.FileInfo) error {
	if st.IsDir() {
		return os.CopyFS(to, os.DirFS(from))
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, st.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
