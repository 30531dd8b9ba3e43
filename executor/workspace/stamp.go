package workspace

import "github.com/calyx-build/calyx/hashing"

// stamp is what the content of an output is recognised by without being read.
type stamp struct {
	_       struct{}       `cbor:",toarray"`
	Stat    hashing.Stat   // of a file
	Listing hashing.Digest // of the stats of all that is in a folder
	Racy    bool           // too young when it was read: a change since may show the same stats
}

func fileStamp(r hashing.Record) stamp { return stamp{Stat: r.Stat, Racy: r.Racy} }

func (s stamp) record(d hashing.Digest) hashing.Record {
	return hashing.Record{Digest: d, Stat: s.Stat, Racy: s.Racy}
}
