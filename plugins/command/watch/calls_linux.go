//go:build amd64 || arm64

package watch

import "golang.org/x/sys/unix"

// call says where a system call has its operands, by the numbers of its arguments.
type call struct {
	dir, path   int // of the folder that a relative path begins at, and of the path; none where there is no such argument
	dir2, path2 int // of calls with two paths
	flags       int // 0: it has none, or they do not matter
	effect      effect
}

const none = -1

// effect is what a call does with its path.
type effect uint8

const (
	goesOn      effect = iota // it is not stopped
	opens                     // as its flags say
	opensHow                  // the same; the flags are in memory
	looks                     // asks what is there
	looksAtLink               // the same, of a link itself
	readsLink                 // asks where a link leads
	runs                      // executes it
	lists                     // lists the folder that a descriptor is of
	changes                   // writes or truncates it, or changes who may do what
	creates                   // makes a folder, a link, a device
	removes                   // takes a name away
	renames                   // takes a name away and gives another
	links                     // gives another name
	roots                     // makes it the root of all names
	handles                   // says what is done about a signal
)

// calls are all that the filter stops for. What needs no path (reading, writing, closing, mapping, fstat) goes on unseen.
// Where a process stands is asked of /proc when a relative path comes; chdir is stopped for what it sees: whether there is such a folder,
// and the links on the way to it.
var calls = func() (all [512]call) {
	for number, c := range newer {
		all[number] = c
	}
	for number, c := range older {
		all[number] = c
	}
	return all
}()

// newer are the calls that all architectures have.
var newer = map[int32]call{
	unix.SYS_OPENAT:     {dir: 0, path: 1, flags: 2, effect: opens},
	unix.SYS_OPENAT2:    {dir: 0, path: 1, flags: 2, effect: opensHow},
	unix.SYS_STATX:      {dir: 0, path: 1, flags: 2, effect: looks},
	fstatat:             {dir: 0, path: 1, flags: 3, effect: looks},
	unix.SYS_FACCESSAT:  {dir: 0, path: 1, effect: looks},
	unix.SYS_FACCESSAT2: {dir: 0, path: 1, flags: 3, effect: looks},
	unix.SYS_CHDIR:      {dir: none, path: 0, effect: looks},
	unix.SYS_CHROOT:     {dir: none, path: 0, effect: roots},
	unix.SYS_READLINKAT: {dir: 0, path: 1, effect: readsLink},
	unix.SYS_EXECVE:     {dir: none, path: 0, effect: runs},
	unix.SYS_EXECVEAT:   {dir: 0, path: 1, flags: 4, effect: runs},
	unix.SYS_GETDENTS64: {dir: 0, path: none, effect: lists},
	unix.SYS_TRUNCATE:   {dir: none, path: 0, effect: changes},
	unix.SYS_FCHMODAT:   {dir: 0, path: 1, effect: changes},
	unix.SYS_FCHMODAT2:  {dir: 0, path: 1, effect: changes},
	unix.SYS_MKDIRAT:    {dir: 0, path: 1, effect: creates},
	unix.SYS_MKNODAT:    {dir: 0, path: 1, effect: creates},
	unix.SYS_SYMLINKAT:  {dir: 1, path: 2, effect: creates},
	unix.SYS_UNLINKAT:   {dir: 0, path: 1, effect: removes},
	unix.SYS_RENAMEAT2:  {dir: 0, path: 1, dir2: 2, path2: 3, flags: 4, effect: renames},
	unix.SYS_LINKAT:     {dir: 0, path: 1, dir2: 2, path2: 3, effect: links},

	unix.SYS_RT_SIGACTION: {dir: none, path: none, effect: handles},
}
