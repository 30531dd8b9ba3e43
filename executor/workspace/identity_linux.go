package workspace

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// identify says what tells a folder from every other one.
func identify(dir string) (identity, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_INO|unix.STATX_BTIME, &st); err != nil {
		return identity{}, fmt.Errorf("look at %q: %w", dir, err)
	}
	is := identity{Inode: st.Ino}
	if st.Mask&unix.STATX_BTIME != 0 {
		is.Born = st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
	}
	return is, nil
}
