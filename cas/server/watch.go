package server

import (
	"context"
	"os"
	"time"
)

// watchEvery is how often a server looks whether its socket is still there.
const watchEvery = 500 * time.Millisecond

// socketWatch looks after the server's own socket.
type socketWatch struct {
	path  string
	own   os.FileInfo
	moved chan struct{} // closed when the socket is gone or another one stands in its place
}

func watchSocket(ctx context.Context, path string) *socketWatch {
	w := &socketWatch{path: path, moved: make(chan struct{})}
	w.own, _ = os.Lstat(path) // none at once is the same as none later
	go func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for w.there() {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
		close(w.moved)
	}()
	return w
}

func (w *socketWatch) there() bool {
	now, err := os.Lstat(w.path)
	return err == nil && w.own != nil && os.SameFile(w.own, now)
}

// remove removes the socket unless it is somebody else's.
func (w *socketWatch) remove() {
	if w.there() {
		_ = os.Remove(w.path)
	}
}
