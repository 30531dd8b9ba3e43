package folder

import (
	"io"
	"os"
)

// copyFile fills the empty file dst with the content of src: by sharing its blocks where the file system can, else
// within the kernel where it can (os.File.ReadFrom), else by reading and writing.
func copyFile(dst, src *os.File) error {
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if reflink(dst, src) == nil {
		return nil
	}
	_, err := dst.ReadFrom(src)
	return err
}
