package watch

import (
	"debug/elf"
	"math"

	"golang.org/x/sys/unix"
)

const (
	machine      = elf.EM_AARCH64
	fstatat      = unix.SYS_FSTATAT
	architecture = unix.AUDIT_ARCH_AARCH64
	// firstForeign is the lowest number of a call of another kind of program: there is none.
	firstForeign = math.MaxInt32
)

// older are the calls that newer architectures no longer have.
var older = map[int32]call{
	unix.SYS_RENAMEAT: {dir: 0, path: 1, dir2: 2, path2: 3, effect: renames},
}
