package hashing

// Stat is what a file's digest is remembered with. A file whose Stat differs in any part may have changed.
type Stat struct {
	Dev, Ino     uint64
	Size         int64
	Mtime, Ctime int64  // nanoseconds since 1970
	Mode         uint32 // as the system call gives it: type and permission bits
}
