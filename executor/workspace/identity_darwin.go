package workspace

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// identify says what tells a folder from every other one.
func identify(dir string) (identity, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return identity{}, fmt.Errorf("look at %q: %w", dir, err)
	}
	return identity{Inode: st.Ino, Born: st.Btim.Nano()}, nil
}
