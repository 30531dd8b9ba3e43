package command

import (
	"errors"
	"io"
	"math"
	"os"
	"sync"

	"github.com/calyx-build/calyx/plugins/redact"
)

// logPool hands out files without a name for what commands print. Creating a file costs a tenth of what a trivial command
// costs, and most commands print nothing, so a file that stayed empty is used again.
type logPool struct {
	mu    sync.Mutex
	empty []*os.File
}

// get returns an empty file; a new one is made on the file system of dir.
func (p *logPool) get(dir string) (*os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.empty); n > 0 {
		f := p.empty[n-1]
		p.empty = p.empty[:n-1]
		return f, nil
	}
	return createNameless(dir)
}

// publish takes a file back and returns the path, in dir, under which its content is kept with the secrets blanked; empty
// where nothing was printed. A file that a process may still hold is not used again.
func (p *logPool) publish(f *os.File, dir string, secrets []string, held bool) (string, error) {
	info, err := f.Stat()
	if err == nil && info.Size() == 0 && !held {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.empty = append(p.empty, f)
		return "", nil
	}
	path := ""
	if err == nil && info.Size() > 0 {
		path, err = name(f, dir, secrets)
	}
	return path, errors.Join(err, f.Close())
}

func (p *logPool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	for _, f := range p.empty {
		err = errors.Join(err, f.Close())
	}
	p.empty = nil
	return err
}

// logName begins the name of a log among what the command left in its scratch folder.
const logName = "calyx-log-"

// name gives the file's content a path in dir.
func name(f *os.File, dir string, secrets []string) (string, error) {
	if len(secrets) == 0 {
		if path, ok := link(f, dir); ok {
			return path, nil
		}
	}
	return copyBlanked(f, dir, secrets)
}

// copyBlanked writes the content to a new file in dir, the secrets blanked. What they are has then never had a name on
// the disk.
func copyBlanked(f *os.File, dir string, secrets []string) (string, error) {
	dst, err := os.CreateTemp(dir, logName)
	if err != nil {
		return "", err
	}
	err = blank(dst, io.NewSectionReader(f, 0, math.MaxInt64), redact.New(secrets))
	return dst.Name(), errors.Join(err, dst.Close())
}

func blank(dst io.Writer, src io.Reader, r *redact.Redactor) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		text := r.Next(buf[:n])
		atEnd := errors.Is(err, io.EOF)
		if err != nil && !atEnd {
			return err
		}
		if atEnd {
			text = append(text, r.Rest()...)
		}
		if _, err := dst.Write(text); err != nil || atEnd {
			return err
		}
	}
}

// createUnlinked makes a file and takes its name away.
func createUnlinked(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, logName)
	if err != nil {
		return nil, err
	}
	path := f.Name()
	if err := f.Close(); err != nil {
		return nil, err
	}
	f, err = os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	return f, errors.Join(err, os.Remove(path))
}
