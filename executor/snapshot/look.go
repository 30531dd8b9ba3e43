package snapshot

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/hashing"
)

// Look takes a path's record as it is now. That it is not of the kind is an error. Files that the memo knows are not read.
func Look(root, name string, kind Kind, followed bool, memo *hashing.Memo) (Path, error) {
	p := Path{Name: name, Kind: kind, Follow: followed}
	at := place(root, name)
	stat := hashing.Lstat
	if followed {
		stat = hashing.StatFollow
	}
	st, err := stat(at)
	switch {
	case kind == Absent && nothing(err):
		return p, nil
	case kind == Absent && err == nil:
		return Path{}, fmt.Errorf("look at %q: there is something", at)
	case err != nil:
		return Path{}, err
	}
	p.Record, err = look(at, kind, st, memo)
	return p, err
}

// nothing reports whether an error says that nothing can be reached at a path.
func nothing(err error) bool {
	for _, e := range []error{unix.ENOENT, unix.ENOTDIR, unix.EACCES, unix.ELOOP, unix.ENAMETOOLONG} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// look reads what counts of what is there, whose stat was just taken.
func look(at string, kind Kind, st hashing.Stat, memo *hashing.Memo) (hashing.Record, error) {
	switch {
	case kind == File && st.IsRegular():
		return memo.FileWith(at, st)
	case kind == Dir && st.IsDir():
		l, err := hashing.List(at, memo.Now)
		if err != nil {
			return hashing.Record{}, err
		}
		return l.Record, nil
	case kind == Link && st.IsLink():
		return hashing.ReadLink(at, memo.Now)
	case kind == Being, kind == Status:
		return hashing.Record{Stat: st}, nil
	}
	return hashing.Record{}, fmt.Errorf("look at %q: it has become something else", at)
}

// equal reports whether two records of a path show the same.
func equal(kind Kind, before, now hashing.Record) bool {
	switch kind {
	case File:
		return before.Digest == now.Digest && before.Stat.IsExec() == now.Stat.IsExec()
	case Dir:
		return before.Digest == now.Digest && !before.Digest.IsZero()
	case Link:
		return before.Digest == now.Digest
	case Status:
		return before.Stat.SameStatus(now.Stat)
	}
	const counts = unix.S_IFMT | unix.S_IXUSR
	return before.Stat.Mode&counts == now.Stat.Mode&counts
}
