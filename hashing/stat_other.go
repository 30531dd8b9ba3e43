//go:build !linux

package hashing

import "golang.org/x/sys/unix"

const openFolder = unix.O_RDONLY

// StatOf takes what counts from what the system says.
func StatOf(st *unix.Stat_t) Stat {
	return Stat{Dev: uint64(st.Dev), Ino: st.Ino, Size: st.Size, Mtime: st.Mtim.Nano(), Ctime: st.Ctim.Nano(), Mode: uint32(st.Mode)}
}
