// Package trace keeps what was learnt by executing: traces, stage chains by key, the last trace of every node, and runs.
// It knows no graph: nodes are names here.
package trace

import "github.com/calyx-build/calyx/hashing"

// Value is what a node yields, by content: a media type and the digest of bytes in the store.
type Value struct {
	// Media is the media type. The empty string is the value of a node that yields nothing.
	Media  string         `json:"media,omitempty"`
	Digest hashing.Digest `json:"digest,omitzero"`
	Size   int64          `json:"size,omitempty"`
	// Exec is true for a file that may be executed.
	Exec bool `json:"exec,omitempty"`
}

// Media types that calyx gives a meaning.
const (
	MediaNone   = ""
	MediaJSON   = "application/json"           // scalars, lists and dictionaries; canonical JSON, integers and floats distinct
	MediaText   = "text/plain; charset=utf-8"  // a string that came from a program's standard output
	MediaBinary = "application/octet-stream"   // a file of no known kind
	MediaNpy    = "application/x-npy"          // one array
	MediaTree   = "application/vnd.calyx.tree" // hashing.Tree, encoded
	MediaList   = "application/vnd.calyx.list" // a JSON list of Value
)
