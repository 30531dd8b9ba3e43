// Package rows turns structs into bytes and back, for rows of a store and files that calyx itself reads again. Nothing is
// identified by these bytes: keys have the canonical encoding of package hashing.
package rows

import "github.com/fxamacker/cbor/v2"

// encoding keeps the microseconds of times.
var encoding = func() cbor.EncMode {
	mode, err := cbor.EncOptions{Time: cbor.TimeUnixMicro}.EncMode()
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return mode
}()

// decoding takes names and what programs print, which may be any bytes, and lists as long as a graph is large.
var decoding = func() cbor.DecMode {
	const most = 1 << 27
	mode, err := cbor.DecOptions{
		UTF8:             cbor.UTF8DecodeInvalid,
		MaxArrayElements: most,
		MaxMapPairs:      most,
		MaxNestedLevels:  1 << 10,
	}.DecMode()
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return mode
}()

// Marshal returns v as bytes (CBOR).
func Marshal(v any) ([]byte, error) { return encoding.Marshal(v) }

// Unmarshal reads into v what Marshal wrote. Fields that the bytes lack keep what they have.
func Unmarshal(data []byte, v any) error { return decoding.Unmarshal(data, v) }
