package folder

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// socketPathLimit is the length in bytes that the path of a Unix socket may have on every system that calyx knows.
const socketPathLimit = 100

// Dial connects to the store server's socket.
func (f *Folder) Dial(ctx context.Context) (*net.UnixConn, error) {
	path, done, err := shortPath(f.Socket())
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err := errors.Join(err, done()); err != nil {
		return nil, err
	}
	return conn.(*net.UnixConn), nil
}

// Listen makes the store server's socket, in place of one that was left behind. Nobody but the user can ever connect:
// it is made in a folder that only the user can enter, and moved into place.
func (f *Folder) Listen() (*net.UnixListener, error) {
	scratch, err := f.Scratch()
	if err != nil {
		return nil, err
	}
	made := filepath.Join(scratch, "socket")
	path, done, err := shortPath(made)
	if err != nil {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err := errors.Join(err, done()); err != nil {
		return nil, fmt.Errorf("listen in the cache %q: %w", f.path, err)
	}
	listener.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, f.Socket())); err != nil {
		return nil, fmt.Errorf("listen in the cache %q: %w", f.path, errors.Join(err, listener.Close()))
	}
	return listener, nil
}

// shortPath returns another path of a socket where its own is too long for the system: through a link in the folder for
// temporary files. The link is gone when done is called.
func shortPath(path string) (short string, done func() error, err error) {
	if len(path) <= socketPathLimit {
		return path, func() error { return nil }, nil
	}
	dir, err := os.MkdirTemp("", "calyx-")
	if err != nil {
		return "", nil, fmt.Errorf("shorten the path of the socket %q: %w", path, err)
	}
	done = func() error { return os.RemoveAll(dir) }
	link := filepath.Join(dir, "c")
	if err := os.Symlink(filepath.Dir(path), link); err != nil {
		return "", nil, errors.Join(fmt.Errorf("shorten the path of the socket %q: %w", path, err), done())
	}
	return filepath.Join(link, filepath.Base(path)), done, nil
}
