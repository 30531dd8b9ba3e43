package rows

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// MapFile maps a regular file to be read, which must not be written to afterwards: it is replaced as a whole. unix.Munmap gives it back.
func MapFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a pipe must not be waited for
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() == 0 {
		return nil, fmt.Errorf("%q holds nothing that could be mapped", path)
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %q: %w", path, err)
	}
	return data, nil
}
