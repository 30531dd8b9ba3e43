// Package still asks the snapshot of the last build whether anything has moved since. It knows neither the engine nor the
// Calyxfile, so that a program can ask before it has set up either.
package still

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/graph/state"
	"github.com/calyx-build/calyx/hashing"
)

// The kinds of leaves in a snapshot.
const (
	Paths    uint8 = iota + 1 // paths that something looked at
	Variable                  // Subject: its name
	State                     // the values that were set
)

// Facts is the first node of a snapshot. It holds what concerns the whole build: what the evaluation read, variables, and
// the values that were set.
const Facts = "//facts"

// Note is what a snapshot keeps for the engine.
type Note struct {
	Backend string `json:"backend"`
	Run     string `json:"run"`
	Fresh   int    `json:"fresh"` // steps
	Dirty   bool   `json:"dirty"` // some node has no result
	// Offers is the digest of what the plugins declared that the evaluation used.
	Offers hashing.Digest `json:"offers"`
	// Generation is the store's, from before anything was looked up in it.
	Generation trace.Generation `json:"generation"`
}

// Question is which build is meant. Only the snapshot of one with the same answers to all of it can say anything.
type Question struct {
	Root      string // the workspace's folder, absolute, without links
	Calyxfile string // relative to Root
	Instance  string
	CacheDir  string
	Version   string // of calyx
	Targets   []string
	// Lookup returns the values of the user's variables.
	Lookup func(name string) (string, bool)
	// Stored returns the values that `set` put into the instance. backend is the Calyxfile's.
	Stored func(backend string) (map[string]any, error)
}

// Folder is where the snapshots of the instance are kept.
func (q *Question) Folder() string {
	name := hashing.Sum([]byte(q.Calyxfile + "\x00" + q.Instance)).Hex()[:16]
	return filepath.Join(q.Root, ".calyx", "snapshots", name)
}

// File is where the snapshot of a build of the targets is kept.
func (q *Question) File() string {
	return filepath.Join(q.Folder(), hashing.Sum([]byte(strings.Join(q.Targets, "\x00"))).Hex()[:16])
}

// Binding is everything that must be equal for a snapshot to say anything. The places of programs, and of what was seen in the home,
// are those that the user's PATH and HOME led to.
func (q *Question) Binding() hashing.Digest {
	search, _ := q.Lookup("PATH")
	home, _ := q.Lookup("HOME")
	words := append([]string{trace.KeyVersion, q.Version, q.Root, q.CacheDir, q.Calyxfile, q.Instance, search, home}, q.Targets...)
	return hashing.Sum([]byte(strings.Join(words, "\x00")))
}

// Open opens a snapshot that may say something about the build; ok is false where it is none.
func (q *Question) Open(file string) (s *snapshot.Snapshot, note Note, ok bool) {
	s, err := snapshot.Open(file)
	if err != nil {
		return nil, note, false
	}
	if s.Head().Binding != q.Binding() || json.Unmarshal(s.Head().Note, &note) != nil {
		_ = s.Close()
		return nil, note, false
	}
	return s, note, true
}

// SameFacts compares the variables and the values that are set with those that the snapshot speaks of.
func (q *Question) SameFacts(s *snapshot.Snapshot, set map[string]any) bool {
	if s.NumNodes() == 0 || s.Node(0).Name != Facts {
		return false
	}
	for _, i := range s.Node(0).Leaves {
		switch leaf := s.Leaf(i); leaf.Kind {
		case Variable:
			if leaf.Digest != VariableDigest(q.Lookup(leaf.Subject)) {
				return false
			}
		case State:
			if now, err := state.Digest(set); err != nil || leaf.Digest != now {
				return false
			}
		}
	}
	return true
}

// VariableDigest is the digest of a variable's value, or of its absence.
func VariableDigest(text string, set bool) hashing.Digest {
	return hashing.Sum([]byte(VariableText(text, set)))
}

// VariableText tells a variable's value from its absence.
func VariableText(text string, set bool) string {
	if !set {
		return "not set"
	}
	return "= " + text
}

// IsExpired reports whether a result that the snapshot speaks of is too old.
func IsExpired(s *snapshot.Snapshot, now time.Time) bool {
	at := s.Head().Expires
	return !at.IsZero() && !now.Before(at)
}

// Look is what a look at the snapshot of the last build found.
type Look struct {
	Snapshot  *snapshot.Snapshot // the caller's to close; nil: there is none that says anything
	Note      Note
	Set       map[string]any  // the values that were set, or nil where they cannot be read
	SameFacts bool            // the variables and the values that are set are as they were
	Swept     *snapshot.Sweep // what moved; nil where the facts differ or the workspace cannot be read
}

// Ask looks at all that the last build depended on. What is read of files the memo knows afterwards. moved is called, once and by any
// goroutine, as soon as something is seen to have moved.
func Ask(ctx context.Context, q *Question, memo *hashing.Memo, moved func()) (l Look) {
	var ok bool
	if l.Snapshot, l.Note, ok = q.Open(q.File()); !ok {
		return Look{}
	}
	var err error
	if l.Set, err = q.Stored(l.Note.Backend); err != nil {
		return l
	}
	if l.SameFacts = q.SameFacts(l.Snapshot, l.Set); !l.SameFacts {
		return l
	}
	if l.Swept, err = l.Snapshot.Sweep(ctx, q.Root, memo, moved); err != nil {
		l.Swept = nil
	}
	return l
}

// NothingMoved reports whether everything is as the last build left it, and nothing in it is missing or too old.
func (l *Look) NothingMoved(now time.Time) bool {
	return l.Swept != nil && l.Swept.Still() && !l.Note.Dirty && !IsExpired(l.Snapshot, now)
}

// Keep writes down what was read of files whose stat alone could not tell, so that they are not read again next time. Where it
// cannot be written, they are.
func (l *Look) Keep(q *Question) {
	if len(l.Swept.Refreshed) > 0 {
		_ = l.Snapshot.Refresh(q.File(), l.Swept.Refreshed)
	}
}
