package hashing

import "golang.org/x/sys/unix"

// openFolder opens a folder to look things up in it; that needs no leave to list it.
const openFolder = unix.O_PATH

// StatOf takes what counts from what the system says. Within a system call to Go it may be called as well.
//
//go:nosplit
func StatOf(st *unix.Stat_t) Stat {
	return Stat{Dev: uint64(st.Dev), Ino: st.Ino, Size: st.Size, Mtime: st.Mtim.Nano(), Ctime: st.Ctim.Nano(), Mode: st.Mode}
}
