package watch

import (
	"debug/elf"

	"golang.org/x/sys/unix"
)

const (
	machine      = elf.EM_X86_64
	fstatat      = unix.SYS_NEWFSTATAT
	architecture = unix.AUDIT_ARCH_X86_64
	// firstForeign is the lowest number of a call of another kind of program: x32.
	firstForeign = 0x40000000
)

// older are the calls that newer architectures no longer have.
var older = map[int32]call{
	unix.SYS_OPEN:     {dir: none, path: 0, flags: 1, effect: opens},
	unix.SYS_CREAT:    {dir: none, path: 0, effect: changes},
	unix.SYS_STAT:     {dir: none, path: 0, effect: looks},
	unix.SYS_LSTAT:    {dir: none, path: 0, effect: looksAtLink},
	unix.SYS_ACCESS:   {dir: none, path: 0, effect: looks},
	unix.SYS_READLINK: {dir: none, path: 0, effect: readsLink},
	unix.SYS_GETDENTS: {dir: 0, path: none, effect: lists},
	unix.SYS_RENAME:   {dir: none, path: 0, dir2: none, path2: 1, effect: renames},
	unix.SYS_UNLINK:   {dir: none, path: 0, effect: removes},
	unix.SYS_RMDIR:    {dir: none, path: 0, effect: removes},
	unix.SYS_MKDIR:    {dir: none, path: 0, effect: creates},
	unix.SYS_LINK:     {dir: none, path: 0, dir2: none, path2: 1, effect: links},
	unix.SYS_SYMLINK:  {dir: none, path: 1, effect: creates},
	unix.SYS_MKNOD:    {dir: none, path: 0, effect: creates},
	unix.SYS_CHMOD:    {dir: none, path: 0, effect: changes},
	unix.SYS_RENAMEAT: {dir: 0, path: 1, dir2: 2, path2: 3, effect: renames},
}
