//go:build amd64 || arm64

package watch

import (
	"crypto/rand"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A filter must be installed by the process that it is to hold for, after it was forked and before it becomes the program.
// Go runs nothing there, and starting calyx once more would cost many times what a small command costs. So a stub does it:
// some thirty instructions, in stub_linux_*.s, which the assembler puts into calyx and stubFile into an executable of their
// own. That is an anonymous file in memory: nothing is installed or left behind.

// stub and stubStart are in stub_linux_*.s. stub is never called here.
func stub() //nolint:unused // the assembler takes its address
func stubStart() uintptr

// Where the stub's two segments are in memory, and in the file: a multiple of the largest page that a system has.
const (
	codeAt     = 0x10000000
	dataAt     = 0x10010000
	dataOffset = 0x10000
)

// Places in the data segment, in bytes; the assembler knows them too.
const (
	vectorAt  = 96  // of what is sent with the listener
	controlAt = 112 // of the message's ancillary part
	reportAt  = 136 // a byte that is sent, or the error
	filterAt  = 144
)

// stubSocket is the descriptor on which the stub tells how it went.
const stubSocket = 3

// nonce marks the one call of execve that the filter lets through unseen: the stub's own.
type nonce [2]uint64

func newNonce() nonce {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return nonce{binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:])}
}

// stubFile makes the executable and returns a descriptor of it.
func stubFile(flags uint64, n nonce) (*os.File, error) {
	filter, err := filter(n)
	if err != nil {
		return nil, err
	}
	const plain = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("calyx-stub", plain|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // an older kernel: all such files may be executed
		fd, err = unix.MemfdCreate("calyx-stub", plain)
	}
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), "calyx-stub")
	data := stubData(flags, n, filter)
	head := stubHead(len(stubCode()), len(data))
	_, err = f.Write(append(head, stubCode()...))
	_, dataErr := f.WriteAt(data, dataOffset)
	_, sealErr := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW)
	if err := errors.Join(err, dataErr, sealErr); err != nil {
		return nil, errors.Join(fmt.Errorf("write a file in memory: %w", err), f.Close())
	}
	return f, nil
}

// stubCode is the machine code of stub, as it stands in calyx.
func stubCode() []byte {
	from := stubStart()
	to := from
	for f := runtime.FuncForPC(to); f != nil && f.Entry() == from; f = runtime.FuncForPC(to) {
		to++
	}
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&from))), to-from)
}

// stubHead is the head of an ELF file with one segment for code, which begins with the head itself, and one for data.
func stubHead(code, data int) []byte {
	const headSize, segmentSize = 64, 56
	size := uint64(headSize + 2*segmentSize)
	header := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Entry: codeAt + size, Phoff: headSize, Ehsize: headSize, Phentsize: segmentSize, Phnum: 2,
	}
	segments := []elf.Prog64{
		{
			Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: codeAt, Align: dataOffset,
			Filesz: size + uint64(code), Memsz: size + uint64(code),
		},
		{
			Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W), Off: dataOffset, Vaddr: dataAt, Align: dataOffset,
			Filesz: uint64(data), Memsz: uint64(data),
		},
	}
	head, _ := binary.Append(nil, binary.LittleEndian, header) // of fixed size, so there is no error
	head, _ = binary.Append(head, binary.LittleEndian, segments)
	return head
}

// stubData is what the stub hands to the system: struct sock_fprog, the flags, the nonce, struct msghdr with its vector and
// its ancillary part, and the filter.
func stubData(flags uint64, n nonce, filter []byte) []byte {
	const instruction, rights = 8, 20 // bytes of an instruction of a filter; of a cmsghdr with one descriptor
	words := []uint64{
		uint64(len(filter) / instruction), dataAt + filterAt,
		flags, n[0], n[1],
		0, 0, dataAt + vectorAt, 1, dataAt + controlAt, rights + 4, 0, // the message: no address, one vector
		dataAt + reportAt, 1,
		rights, unix.SOL_SOCKET | unix.SCM_RIGHTS<<32, 0,
		0,
	}
	data, _ := binary.Append(nil, binary.LittleEndian, words) // of fixed size, so there is no error
	return append(data, filter...)
}
