// Package server lets many processes use one cache: it owns the folder's database and serves it on a socket in the
// folder. A process that needs the cache starts a server where none answers (package client). The server leaves about a
// second after its last client; it may be killed at any time.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/calyx-build/calyx/cas/folder"
	"github.com/calyx-build/calyx/cas/index"
	"github.com/calyx-build/calyx/cas/lease"
	"github.com/calyx-build/calyx/hashing/cores"
)

const (
	// linger is how long a server without clients stays.
	linger = time.Second
	// welcome is how long it stays for its first one, who may be slow on a machine with other work.
	welcome = 10 * time.Second
	// farewell is how long a server whose database broke gives its clients to hear of it.
	farewell = time.Second
	// pause is the time between two attempts at what may soon succeed.
	pause = 5 * time.Millisecond
)

// Ready is what Run writes when the socket is there.
const Ready = "ready"

// server is one that owns a folder.
type server struct {
	folder   *folder.Folder
	owned    io.Closer // what keeps others from the database
	db       *index.DB
	listener *net.UnixListener
	leases   *lease.Table
	guests   *guests
	clients  sync.WaitGroup // their connections, and the listener
	work     *cores.Work
	busy     atomic.Int64 // the requests that are carried out
}

// Run serves the cache folder dir until nobody needs it any more or ctx ends. When clients can connect, it writes a line
// with Ready to ready; where it cannot serve, it writes the error instead. Where another server already does, it says
// Ready too, and returns at once.
func Run(ctx context.Context, dir string, ready io.Writer) error {
	s, err := start(ctx, dir)
	news := Ready
	if err != nil {
		news = err.Error()
	}
	_, sayErr := fmt.Fprintln(ready, news)
	if err := errors.Join(err, sayErr); err != nil || s == nil {
		return err
	}
	return s.serve(ctx)
}

// start returns nothing where another server answers.
func start(ctx context.Context, dir string) (*server, error) {
	f, err := folder.Open(dir)
	if err != nil {
		return nil, err
	}
	owned, err := own(ctx, f)
	if err != nil || owned == nil {
		return nil, err
	}
	s := &server{folder: f, owned: owned, leases: lease.NewTable(), guests: newGuests()}
	if s.db, err = index.Open(f.Database(), index.Options{Warn: s.guests.warn}); err != nil {
		return nil, errors.Join(err, owned.Close())
	}
	if s.listener, err = f.Listen(); err != nil {
		return nil, errors.Join(err, s.db.Close(), owned.Close())
	}
	return s, nil
}

// serve answers clients until it is time to leave, and then closes everything.
func (s *server) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.work = cores.Begin()
	defer s.work.End()
	failed := make(chan error, 1)
	s.clients.Go(func() { failed <- s.accept(ctx) })

	watch := watchSocket(ctx, s.folder.Socket())
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	case <-s.guests.gone:
	case <-watch.moved:
	case <-s.db.Broken():
		return s.collapse()
	}
	isRemoved := !watch.there()
	// Whoever looks for a server from now on finds none and starts one, which waits for the lock.
	watch.remove()
	s.guests.dismiss()
	cancel()
	err = errors.Join(err, ignoreClosed(s.listener.Close()))
	s.clients.Wait()
	if isRemoved { // to write any more would be to hinder whoever removes the folder; what was promised is in the log
		return err
	}
	return errors.Join(err, s.folder.Sweep(), s.db.Forget(context.WithoutCancel(ctx)), s.db.Close(), s.folder.Close(), s.owned.Close())
}

// accept lets clients in until the listener is closed.
func (s *server) accept(ctx context.Context) error {
	for {
		socket, err := s.listener.Accept()
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			time.Sleep(pause) // until a client leaves
			continue
		}
		if err != nil {
			return ignoreClosed(err)
		}
		s.clients.Go(func() { s.meet(ctx, socket) })
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// collapse ends a server whose database can no longer write. Its clients hear of it where they still can; calls that
// wait for the database never return, and end with the process.
func (s *server) collapse() error {
	err := ignoreClosed(s.listener.Close())
	s.guests.hearOut()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.clients.Wait()
	}()
	select {
	case <-stopped:
	case <-time.After(farewell):
	}
	return errors.Join(err, s.db.Err())
}
