package pipes

import "io"

// FirstLine splits what a plugin prints on standard output: the handshake line, which can be read, and the rest, which is passed
// on.
type FirstLine struct {
	line  []byte
	at    int           // how much of the line was read
	whole chan struct{} // closed when the line is there, or will never be
	ended bool          // the same, for the writer
	rest  func([]byte)
}

// NewFirstLine passes what follows the line to rest.
func NewFirstLine(rest func([]byte)) *FirstLine {
	return &FirstLine{whole: make(chan struct{}), rest: rest}
}

// maxLine is the length in bytes at which a first line is no handshake.
const maxLine = 4096

// Write takes what was printed; see Source.Said.
func (f *FirstLine) Write(p []byte) {
	if f.ended {
		f.rest(p)
		return
	}
	for i, b := range p {
		f.line = append(f.line, b)
		if b == '\n' || len(f.line) == maxLine {
			f.End()
			if i+1 < len(p) {
				f.rest(p[i+1:])
			}
			return
		}
	}
}

// End tells that nothing is to be added to the line.
func (f *FirstLine) End() {
	if !f.ended {
		f.ended = true
		close(f.whole)
	}
}

// Read waits for the line and gives it, and nothing after it.
func (f *FirstLine) Read(p []byte) (int, error) {
	<-f.whole
	if f.at == len(f.line) {
		return 0, io.EOF
	}
	n := copy(p, f.line[f.at:])
	f.at += n
	return n, nil
}

// Text returns the line if it is there.
func (f *FirstLine) Text() (string, bool) {
	select {
	case <-f.whole:
		return string(f.line), true
	default:
		return "", false
	}
}
