package hashing

import (
	"hash/maphash"
	"iter"
	"maps"
	"sync"
)

// Memo remembers the digests of files by path. It is safe for concurrent use.
type Memo struct {
	clock  Clock
	seed   maphash.Seed
	shards [64]shard
}

type shard struct {
	mu      sync.Mutex
	records map[string]Record
}

// NewMemo returns a Memo that remembers nothing yet. clock is that of the file system that holds the files.
func NewMemo(clock Clock) *Memo {
	m := &Memo{clock: clock, seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].records = map[string]Record{}
	}
	return m
}

// Now tells the time by the clock that was given. The method is a Clock.
func (m *Memo) Now() int64 { return m.clock() }

func (m *Memo) shard(path string) *shard {
	return &m.shards[maphash.String(m.seed, path)%uint64(len(m.shards))]
}

// Seed remembers what an earlier run knew of a file.
func (m *Memo) Seed(path string, r Record) {
	s := m.shard(path)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[path] = r
}

// Known returns what is remembered of a file, without looking at it.
func (m *Memo) Known(path string) (Record, bool) {
	s := m.shard(path)
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records[path]
	return r, ok
}

// All yields what is remembered, in no order. It may go on while others use the Memo; it locks a part of it at a time.
func (m *Memo) All() iter.Seq2[string, Record] {
	return func(yield func(string, Record) bool) {
		for i := range m.shards {
			if !m.shards[i].each(yield) {
				return
			}
		}
	}
}

func (s *shard) each(yield func(string, Record) bool) bool {
	s.mu.Lock()
	records := maps.Clone(s.records)
	s.mu.Unlock()
	for path, r := range records {
		if !yield(path, r) {
			return false
		}
	}
	return true
}

// File returns the digest of a regular file's present content (links are followed). It reads the content only where the
// file's stat is not the one remembered, or where what is remembered is racy.
func (m *Memo) File(path string) (Record, error) {
	st, err := StatFollow(path)
	if err != nil {
		return Record{}, err
	}
	return m.FileWith(path, st)
}

// FileWith is File where the caller has just taken the file's stat.
func (m *Memo) FileWith(path string, st Stat) (Record, error) {
	if r, ok := m.Known(path); ok && r.Stat == st && !r.Racy {
		return r, nil
	}
	r, err := ReadRecord(path, m.clock)
	if err == nil {
		m.Seed(path, r)
	}
	return r, err
}
