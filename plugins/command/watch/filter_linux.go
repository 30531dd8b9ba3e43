//go:build amd64 || arm64

package watch

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data (seccomp(2)).
const (
	offNumber       = 0
	offArchitecture = 4
	offArguments    = 16
)

// filter is the program that the kernel runs for each system call, in the kernel's encoding. It is kept to what can be
// decided from numbers: which call it is, and flags that say that no path is looked up.
func filter(n nonce) ([]byte, error) {
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArchitecture, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: architecture, SkipFalse: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_USER_NOTIF},
		bpf.LoadAbsolute{Off: offNumber, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: firstForeign, SkipFalse: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_USER_NOTIF},
		// What is asked of a ring is done without a system call. Programs do without one where there is none.
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_IO_URING_SETUP, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
	}
	for number, c := range calls {
		if c.effect == goesOn {
			continue
		}
		body := whenStopped(number, n)
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(number), SkipTrue: uint8(len(body))})
		program = append(program, body...)
	}
	program = append(program, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW})
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("assemble a filter: %w", err)
	}
	var encoded []byte
	for _, i := range raw {
		encoded = binary.LittleEndian.AppendUint16(encoded, i.Op)
		encoded = append(encoded, i.Jt, i.Jf)
		encoded = binary.LittleEndian.AppendUint32(encoded, i.K)
	}
	return encoded, nil
}

// whenStopped is what the filter does with a call of the table; the number is known to be the call's.
func whenStopped(number int, n nonce) []bpf.Instruction {
	stop := bpf.RetConstant{Val: unix.SECCOMP_RET_USER_NOTIF}
	pass := bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	switch number {
	case unix.SYS_EXECVE:
		// The stub gives the nonce in arguments that the call does not have.
		var body []bpf.Instruction
		parts := []uint32{uint32(n[0]), uint32(n[0] >> 32), uint32(n[1]), uint32(n[1] >> 32)}
		for i, part := range parts {
			left := uint8(2*(len(parts)-i) - 1) // instructions from the next one up to stop
			body = append(body, bpf.LoadAbsolute{Off: uint32(offArguments + 3*8 + 4*i), Size: 4}, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: part, SkipTrue: left})
		}
		return append(body, pass, stop)
	case unix.SYS_RT_SIGACTION:
		action := uint32(offArguments + 8)
		body := []bpf.Instruction{ // see restarting; who only asks gives no action
			bpf.LoadAbsolute{Off: action, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3},
			bpf.LoadAbsolute{Off: action + 4, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1},
			pass,
			bpf.LoadAbsolute{Off: offArguments, Size: 4},
		}
		for i, signal := range restarted {
			body = append(body, bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(signal), SkipTrue: uint8(len(restarted) - i)})
		}
		return append(body, pass, stop)
	case fstatat, unix.SYS_STATX:
		// The C library's fstat is a look at a descriptor, under the empty name. A name together with that flag would go
		// unseen; no program is known to do that other than from the working directory, which is looked at.
		flags := uint32(offArguments + 8*calls[number].flags)
		return []bpf.Instruction{
			bpf.LoadAbsolute{Off: flags, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: unix.AT_EMPTY_PATH, SkipTrue: 3},
			bpf.LoadAbsolute{Off: offArguments, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: 1 << 31, SkipTrue: 1}, // AT_FDCWD is negative
			pass,
			stop,
		}
	}
	return []bpf.Instruction{stop}
}
