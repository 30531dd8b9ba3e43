package check

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// kit is what cases share: a process with a session, as long as it behaves, and what it described.
type kit struct {
	opts      Options
	life      context.Context // ends when nobody wants to know any more
	now       context.Context // ends with the case's time
	dir       string          // for sockets and scratch folders
	folders   int
	shared    *process // nil until it is needed, and after a failed case
	last      *process // of which the words are shown where the case fails
	spoke     bool     // the case used the shared session
	functions map[string]*pluginv1.Function
	queues    bool   // it keeps calls apart itself
	closed    string // the gate that failed
}

// start starts a process of the case's own; the caller kills it.
func (k *kit) start(extra ...string) (*process, error) {
	dir, err := k.folder()
	if err != nil {
		return nil, err
	}
	p, err := launch(k.life, k.opts, dir, extra)
	if p != nil {
		k.last = p
	}
	return p, err
}

// startTime is how long a process may take to shake hands: no longer than the case may.
func (k *kit) startTime() time.Duration {
	end, ok := k.now.Deadline()
	if !ok {
		return k.opts.Start
	}
	return min(k.opts.Start, time.Until(end))
}

// connected starts a process of the case's own and connects to it.
func (k *kit) connected() (*process, error) {
	p, err := k.start()
	if err == nil {
		err = p.connect(k.startTime())
	}
	if err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// alone opens a session in a process of the case's own.
func (k *kit) alone() (*session, error) {
	p, err := k.connected()
	if err != nil {
		return nil, err
	}
	s, err := p.open(k)
	if err != nil {
		p.kill()
	}
	return s, err
}

// process returns the process that cases share.
func (k *kit) process() (*process, error) {
	if k.shared == nil {
		s, err := k.alone()
		if err != nil {
			return nil, err
		}
		k.shared = s.process
	}
	k.last = k.shared
	return k.shared, nil
}

// session returns the session that cases share.
func (k *kit) session() (*session, error) {
	p, err := k.process()
	if err != nil {
		return nil, err
	}
	k.spoke = true
	return p.session, nil
}

// drop ends the shared process.
func (k *kit) drop() {
	k.shared.kill()
	k.shared = nil
}

// words are the last words of the process that the case used.
func (k *kit) words() string {
	k.last.kill()
	return k.last.words()
}

// folder makes a new folder.
func (k *kit) folder() (string, error) {
	k.folders++
	dir := filepath.Join(k.dir, fmt.Sprint(k.folders))
	return dir, os.Mkdir(dir, 0o700)
}

// overlap reports whether all these functions may run beside one another.
func (k *kit) overlap(names ...string) bool {
	for _, name := range names {
		if !k.functions[name].GetOverlap() {
			return false
		}
	}
	return true
}

// within waits for done, no longer than ctx lives; what says for what.
func within(ctx context.Context, done <-chan struct{}, what string) error {
	began := time.Now()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waited %v for %s", time.Since(began).Round(time.Second/10), what)
	}
}
