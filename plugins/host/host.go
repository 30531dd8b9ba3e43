// Package host runs functions of plugins: it starts their processes through hashicorp/go-plugin, speaks the protocol of
// package proto with them, and is an executor.Runner for tasks that have a Function.
//
// A pool holds the processes of one plugin and the calls that wait for one. Per process there are one goroutine that
// reads, one that writes and two for what it prints; per call there is none.
package host

import (
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/calyx-build/calyx/executor"
)

// Options bound how long a host waits for plugins. A zero field stands for the default.
type Options struct {
	// Start is the time within which a process must shake hands, and then describe itself: one minute.
	Start time.Duration
	// Grace is the time within which a cancelled call must end before its process is killed, and within which a
	// process must end after its last call: five seconds.
	Grace time.Duration
	// Foreground, where it is not nil, is what the processes have instead of nothing and a log: the host is for a function that
	// somebody runs by hand.
	Foreground *Foreground
	// Attach opens a session with the program that a plugin without a command stands for; nil: there is none.
	Attach func(executor.PluginProcess) (*Attached, error)
}

// Foreground are the streams of whoever runs a function by hand. Signals from their terminal are the function's, too.
type Foreground struct {
	In  *os.File // is the standard input
	Out *os.File // takes all that is printed, at once and as it is; it is the standard error
}

// Host runs functions in plugins. Its methods may be called from any goroutine, but Close not from a Handler.
type Host struct {
	opts  Options
	clock func() time.Time
	news  *news

	mu      sync.Mutex
	sockets string // the folder of the sockets, once there is one
	pools   []*pool
	closed  bool
}

// New returns a host. It starts no process before one is needed. Close it.
func New(o Options) *Host {
	if o.Start == 0 {
		o.Start = time.Minute
	}
	if o.Grace == 0 {
		o.Grace = 5 * time.Second
	}
	return &Host{opts: o, clock: time.Now, news: newNews()}
}

// Start begins a task; see executor.Runner. The task has a Function, or asks to Describe a plugin.
func (h *Host) Start(t *executor.Task, to executor.Handler) executor.Call {
	if t.Describe != nil {
		return h.startDescribing(t, to)
	}
	c := newCall(t, to)
	p, err := h.pool(t.Function.Plugin)
	if err != nil {
		now := h.clock()
		o := executor.Outcome{Failure: &executor.Failure{Message: err.Error(), Exit: -1, Cancel: true}, Started: now, Ended: now}
		h.news.post(func() { to.Done(o) })
		c.state = ended
		return c
	}
	c.pool = p
	p.add(c)
	return c
}

var errClosed = errors.New("the build has ended")

// shown reports whether text was printed where somebody sees it, and belongs in no log.
func (h *Host) shown(text []byte) bool {
	fg := h.opts.Foreground
	if fg != nil {
		_, _ = fg.Out.Write(text) // whoever closed it does not want to see it
	}
	return fg != nil
}

// pool returns the pool of a plugin. Equal plugins share one.
func (h *Host) pool(plugin executor.PluginProcess) (*pool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errClosed
	}
	for _, p := range h.pools {
		if equal(&p.plugin, &plugin) {
			return p, nil
		}
	}
	p := newPool(h, plugin)
	h.pools = append(h.pools, p)
	return p, nil
}

func equal(a, b *executor.PluginProcess) bool {
	return a.Name == b.Name && a.Path == b.Path && a.Dir == b.Dir && a.Workers == b.Workers &&
		slices.Equal(a.Argv, b.Argv) && slices.Equal(a.Env, b.Env) && slices.Equal(a.Secrets, b.Secrets)
}

// longestSockets is the length of a path in bytes up to which a folder can take sockets: the name of one has at most 104
// bytes on the systems that calyx runs on, and go-plugin adds a folder and a file.
const longestSockets = 104 - len("/plugin-dir0123456789/plugin0123456789") - len("/calyx-0123456789") - 1

// socketFolder returns the private folder in which plugins put their sockets.
func (h *Host) socketFolder() (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sockets != "" {
		return h.sockets, nil
	}
	parent := os.TempDir()
	if len(parent) > longestSockets {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "calyx-") // with mode 0700
	h.sockets = dir
	return dir, err
}

// Close ends all calls and processes: gracefully, and by force those that take too long.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	pools := h.pools
	h.mu.Unlock()

	var ending sync.WaitGroup
	for _, p := range pools {
		ending.Go(p.close)
	}
	ending.Wait()
	h.news.close()
	if h.sockets == "" {
		return nil
	}
	return os.RemoveAll(h.sockets)
}
