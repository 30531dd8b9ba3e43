// Package trace keeps what was learnt by executing: traces, stage chains by key, the last trace of every node, and runs.
// It knows no graph: nodes are names here.
package trace

import (
	"fmt"

	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/rows"
)

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
	MediaFile   = "application/vnd.calyx.file" // a file that is one to who asks for it, and not its bytes
	MediaNpy    = "application/x-npy"          // one array
	MediaTree   = "application/vnd.calyx.tree" // hashing.Tree, encoded
	MediaList   = "application/vnd.calyx.list" // values in order
	// MediaParts is a tree by name: the outputs of a step that has several.
	MediaParts = "application/vnd.calyx.parts"
)

// ListOf returns the value of a list of values, and the blob behind it.
func ListOf(items []Value) (Value, []byte) {
	encoded, err := rows.Marshal(items)
	if err != nil {
		panic("internal error: encode a list of values: " + err.Error())
	}
	return Value{Media: MediaList, Digest: hashing.Sum(encoded), Size: int64(len(items))}, encoded
}

// Items reads the blob behind a list of values.
func Items(blob []byte) ([]Value, error) {
	var items []Value
	if err := rows.Unmarshal(blob, &items); err != nil {
		return nil, fmt.Errorf("read a list of values: %w", err)
	}
	return items, nil
}

// Named is one part of a value that has several.
type Named struct {
	Name  string `json:"n"`
	Value Value  `json:"v"`
}

// Join returns the value of named parts, and the blob behind it.
func Join(parts []Named) (Value, []byte) {
	encoded, err := rows.Marshal(parts)
	if err != nil {
		panic("internal error: encode the parts of a value: " + err.Error())
	}
	size := int64(0)
	for _, p := range parts {
		size += p.Value.Size
	}
	return Value{Media: MediaParts, Digest: hashing.Sum(encoded), Size: size}, encoded
}

// Parts reads the blob behind a value of named parts.
func Parts(blob []byte) ([]Named, error) {
	var parts []Named
	if err := rows.Unmarshal(blob, &parts); err != nil {
		return nil, fmt.Errorf("read the parts of a value: %w", err)
	}
	return parts, nil
}
