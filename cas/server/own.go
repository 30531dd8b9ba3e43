package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/calyx-build/calyx/cas/folder"
)

// ownWithin is how long a server waits for a predecessor that is leaving.
const ownWithin = 10 * time.Second

// owned is what a process holds that owns a folder's database. The lock keeps others from it; the claim, made before the lock is taken,
// tells them who it is.
type owned struct {
	claim *folder.Claim
	lock  *flock.Flock
}

func (o *owned) Close() error { return errors.Join(o.lock.Close(), o.claim.Close()) }

// own makes this process the owner of the folder; it returns nothing where another server answers.
func own(ctx context.Context, f *folder.Folder) (io.Closer, error) {
	claim, err := f.NewClaim()
	if err != nil {
		return nil, err
	}
	o := &owned{claim: claim, lock: flock.New(f.Lock())}
	ok, err := o.await(ctx, f)
	if err != nil || !ok {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// await reports whether this process has become the owner; false: another server answers. One that was stopped before it could be asked, or
// after it could not be any more, is killed like one that does not answer.
func (o *owned) await(ctx context.Context, f *folder.Folder) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, ownWithin)
	defer cancel()
	still := NewStandstill(pause)
	for claimed := false; ; {
		other := 0
		var err error
		if !claimed {
			claimed, other, err = o.claim.Try()
		}
		locked := false
		if claimed && err == nil {
			locked, err = o.lock.TryLock()
		}
		if err != nil {
			return false, fmt.Errorf("open cache %q: %w", f.Path(), err)
		}
		if locked {
			return true, nil
		}
		if conn, err := f.Dial(ctx); err == nil {
			return false, conn.Close()
		}
		if still.Lasts(other) {
			if err := syscall.Kill(other, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return false, fmt.Errorf("end the store server (process %d), which is stopped: %w", other, err)
			}
		}
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("open cache %q: another process holds its lock and does not serve it", f.Path())
		case <-time.After(pause):
		}
	}
}
