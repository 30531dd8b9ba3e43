package command

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
)

// blanked stands for a secret in a log.
const blanked = "***"

// blank replaces every secret in a file. Secrets of fewer than four bytes are left: they would blank half of any text.
func blank(path string, secrets []string) error {
	var hidden [][]byte
	longest := 0
	for _, s := range secrets {
		if len(s) >= 4 {
			hidden = append(hidden, []byte(s))
			longest = max(longest, len(s))
		}
	}
	if len(hidden) == 0 {
		return nil
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(path+".blank", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	if err := errors.Join(copyBlanked(w, in, hidden, longest), w.Flush(), out.Close()); err != nil {
		return err
	}
	return os.Rename(path+".blank", path)
}

// copyBlanked keeps back as many bytes as a secret that has only begun to arrive may have.
func copyBlanked(w io.Writer, r io.Reader, hidden [][]byte, longest int) error {
	buf := make([]byte, 0, 64<<10+longest)
	for {
		n, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		for _, s := range hidden {
			buf = bytes.ReplaceAll(buf, s, []byte(blanked))
		}
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		keep := min(longest-1, len(buf))
		if last {
			keep = 0
		}
		if _, err := w.Write(buf[:len(buf)-keep]); err != nil {
			return err
		}
		if last {
			return nil
		}
		rest := buf[len(buf)-keep:]
		next := make([]byte, len(rest), 64<<10+longest)
		copy(next, rest)
		buf = next
	}
}
