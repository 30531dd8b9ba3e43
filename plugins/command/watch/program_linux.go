//go:build amd64 || arm64

package watch

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/executor"
)

// What the kernel itself opens to start a program makes no system call: the interpreter that the first line of a script
// names, and the loader that an executable names.

// maxInterpreters is how many interpreters the kernel goes through to start one program.
const maxInterpreters = 5

// runs notes that a program is executed.
func (w *Watch) runs(at operand) {
	for range maxInterpreters {
		p := w.leads(at, true).path
		w.see(p, executor.SawContent)
		next := w.interpreter(p)
		if next == "" {
			return
		}
		base := at.base
		if !strings.HasPrefix(next, "/") && strings.HasPrefix(at.name, "/") {
			base = w.folder(at.pid, unix.AT_FDCWD)
		}
		at = operand{at.pid, base, next}
	}
}

// interpreter is what the kernel opens beside a program to start it; empty: nothing. Programs are started again and again: one
// that nobody writes is looked into once.
func (w *Watch) interpreter(program string) string {
	a := w.found[program]
	if a == nil {
		return ""
	}
	if next, ok := w.starts[program]; ok && !a.Changed {
		return next
	}
	next := interpreterOf(program)
	if !strings.HasPrefix(program, "/proc/") { // what is there is another's the next time
		w.starts[program] = next
	}
	return next
}

func interpreterOf(program string) string {
	f, err := os.Open(program)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // nothing is written through it
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	if n == 0 || err != nil && n < 2 {
		return ""
	}
	head = head[:n]
	if bytes.HasPrefix(head, []byte("#!")) {
		return shebang(head[2:])
	}
	if bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		return loader(head, f)
	}
	return ""
}

// shebang is the first word of a script's first line.
func shebang(line []byte) string {
	line, _, _ = bytes.Cut(line, []byte("\n"))
	words := bytes.Fields(line)
	if len(words) == 0 {
		return ""
	}
	return string(words[0])
}

// loader is the program that an executable names as its interpreter.
func loader(head []byte, f io.ReaderAt) string {
	var h elf.Header64
	if _, err := binary.Decode(head, binary.LittleEndian, &h); err != nil {
		return ""
	}
	segments := make([]elf.Prog64, min(h.Phnum, 64))
	table := io.NewSectionReader(f, int64(h.Phoff), int64(binary.Size(segments)))
	if binary.Read(table, binary.LittleEndian, segments) != nil {
		return ""
	}
	for _, s := range segments {
		if elf.ProgType(s.Type) == elf.PT_INTERP && s.Filesz < 4096 {
			name := make([]byte, s.Filesz)
			if _, err := f.ReadAt(name, int64(s.Off)); err != nil {
				return ""
			}
			text, _, _ := bytes.Cut(name, []byte{0})
			return string(text)
		}
	}
	return ""
}
