package executor

import (
	"strconv"

	"github.com/calyx-build/calyx/hashing"
)

// What a watched command sees of a path, each with a digest. What changes by itself, such as a file's times, is no part of it.

// seeContent digests a file's content. Of a folder, which was opened, it is that there is one: its names are a sight of their own.
func (e *Engine) seeContent(f *leaf, at string) (hashing.Digest, error) {
	if isGitIndex(at) {
		if r, ok := trackedBy(at); ok {
			return f.saw(at, lookedIndex, r, "index "+r.Digest.String()), nil
		}
	}
	st, err := hashing.StatFollow(at)
	if err != nil || !st.IsRegular() {
		return e.seeStatus(f, at)
	}
	r, err := e.memo.FileWith(at, st)
	if err != nil {
		return hashing.Digest{}, err
	}
	return f.saw(at, lookedFile, r, r.Digest.String()+executable(fileValue(at, r))), nil
}

// seeStatus tells whether a path is there, and as what.
func (e *Engine) seeStatus(f *leaf, at string) (hashing.Digest, error) {
	st, err := hashing.StatFollow(at)
	return f.sawStatus(at, st, err)
}

func (f *leaf) sawStatus(at string, st hashing.Stat, err error) (hashing.Digest, error) {
	switch {
	case isAbsent(err):
		return f.saw(at, lookedNothing, hashing.Record{}, absentText), nil
	case err != nil:
		return hashing.Digest{}, err
	}
	return f.saw(at, lookedStatus, hashing.Record{Stat: st}, statusText(st)), nil
}

func statusText(st hashing.Stat) string {
	switch {
	case st.IsDir():
		return "folder"
	case !st.IsRegular():
		return "of type " + strconv.FormatUint(uint64(st.Mode), 8)
	}
	return "file of " + strconv.FormatInt(st.Size, 10) + " bytes, executable " + strconv.FormatBool(st.IsExec())
}

// seeLink tells where a link leads. What is no link is seen as what it is.
func (e *Engine) seeLink(f *leaf, at string) (hashing.Digest, error) {
	st, err := hashing.Lstat(at)
	if err == nil && st.IsLink() {
		r, err := hashing.ReadLink(at, e.memo.Now)
		if err != nil {
			return hashing.Digest{}, err
		}
		return f.saw(at, lookedLink, r, "link "+r.Digest.String()), nil
	}
	d, err := f.sawStatus(at, st, err)
	if err == nil {
		f.looked[len(f.looked)-1].itself = true
	}
	return d, err
}

// seeNames lists a folder outside the workspace.
func (e *Engine) seeNames(f *leaf, at string) (hashing.Digest, error) {
	list, err := hashing.List(at, e.memo.Now)
	if err != nil {
		return e.seeStatus(f, at)
	}
	return f.saw(at, lookedDir, list.Record, "names "+list.Digest.String()), nil
}

// saw keeps a path that was looked at and returns the digest of what was seen.
func (f *leaf) saw(at string, kind lookedKind, r hashing.Record, text string) hashing.Digest {
	f.looked = append(f.looked, looked{path: at, kind: kind, record: r})
	return hashing.Sum([]byte(text))
}
