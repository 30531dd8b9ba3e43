package local

import (
	"errors"
	"fmt"

	"github.com/gofrs/flock"

	"github.com/calyx-build/calyx/cas/folder"
	"github.com/calyx-build/calyx/cas/index"
)

// ErrInUse is wrapped where another process owns the database.
var ErrInUse = errors.New("another process is using it")

// owned is the database of a process that holds the folder's lock.
type owned struct {
	*index.DB
	lock *flock.Flock
}

// Open opens the cache in a folder for this process alone, and makes one where there is none. The error wraps ErrInUse
// where another process has it; Connect shares. warn is told, from any goroutine, what was found damaged.
func Open(dir string, warn func(string)) (*Store, error) {
	f, err := folder.Open(dir)
	if err != nil {
		return nil, err
	}
	lock := flock.New(f.Lock())
	switch locked, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("open cache %q: %w", f.Path(), err)
	case !locked:
		return nil, fmt.Errorf("open cache %q: %w", f.Path(), ErrInUse)
	}
	db, err := index.Open(f.Database(), index.Options{Warn: warn})
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return newStore(f, owned{db, lock}, warn), nil
}

// Close closes the database and then lets others in.
func (o owned) Close() error { return errors.Join(o.DB.Close(), o.lock.Unlock()) }
