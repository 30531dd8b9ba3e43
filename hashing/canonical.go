package hashing

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/bits"
)

// Pair is one entry of a Map.
type Pair struct {
	Key   string
	Value any
}

// Map is a dictionary in the order in which it was written. Its keys differ from one another.
type Map []Pair

// The canonical encoding of a value is a version byte and then, for each value, a tag and what the tag says:
//
//	n, f, t     nil, false, true
//	i           an integer: its sign and magnitude, see appendInt
//	d           a float: its 8 bytes, big endian
//	s, b        a string, bytes: the length, and the bytes
//	h           a digest: 32 bytes
//	l           a list: the number of items, and the items
//	m           a map: the number of pairs, and each key (as a string without tag) and value
//
// Lengths are unsigned varints in their shortest form. So every value has one encoding, and no two values share one.
const (
	canonicalVersion = 1
	maxDepth         = 1000
)

// ErrCanonical is wrapped by every error of Decode.
var ErrCanonical = errors.New("not a canonical encoding")

// Canonical encodes v, which is nil, a bool, int, int64, *big.Int, float64, string, []byte, Digest, []any or Map. Equal
// values have equal encodings; 1, 1.0, "1" and true have four different ones. Another type is an error.
func Canonical(v any) ([]byte, error) { return AppendCanonical(nil, v) }

// AppendCanonical appends the canonical encoding of v to dst.
func AppendCanonical(dst []byte, v any) ([]byte, error) {
	return appendValue(append(dst, canonicalVersion), v, 0)
}

func appendValue(dst []byte, v any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("a value nested more than %d deep cannot be encoded", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		return append(dst, 'n'), nil
	case bool:
		if v {
			return append(dst, 't'), nil
		}
		return append(dst, 'f'), nil
	case int:
		return appendSmall(dst, int64(v)), nil
	case int64:
		return appendSmall(dst, v), nil
	case *big.Int:
		if v == nil {
			return nil, errors.New("a missing *big.Int cannot be encoded")
		}
		return appendInt(dst, v.Sign() < 0, v.Bytes()), nil
	case float64:
		return binary.BigEndian.AppendUint64(append(dst, 'd'), math.Float64bits(v)), nil
	case string:
		return appendBytes(append(dst, 's'), v), nil
	case []byte:
		return appendBytes(append(dst, 'b'), v), nil
	case Digest:
		return append(append(dst, 'h'), v[:]...), nil
	case []any:
		return appendItems(dst, v, depth)
	case Map:
		return appendPairs(dst, v, depth)
	default:
		return nil, fmt.Errorf("a value of type %T cannot be encoded (only None, booleans, numbers, strings, bytes, lists and dictionaries can)", v)
	}
}

func appendBytes[T string | []byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendSmall writes an integer without the detour of a big.Int.
func appendSmall(dst []byte, i int64) []byte {
	var magnitude [8]byte
	unsigned := uint64(i)
	if i < 0 {
		unsigned = -unsigned
	}
	binary.BigEndian.PutUint64(magnitude[:], unsigned)
	return appendInt(dst, i < 0, magnitude[bits.LeadingZeros64(unsigned)/8:])
}

// appendInt writes 2 × the length of the magnitude, plus one for a negative number, and the magnitude, big endian and
// without zeros in front.
func appendInt(dst []byte, negative bool, magnitude []byte) []byte {
	head := uint64(len(magnitude)) << 1
	if negative {
		head |= 1
	}
	return append(binary.AppendUvarint(append(dst, 'i'), head), magnitude...)
}

func appendItems(dst []byte, items []any, depth int) ([]byte, error) {
	dst = binary.AppendUvarint(append(dst, 'l'), uint64(len(items)))
	for _, item := range items {
		var err error
		if dst, err = appendValue(dst, item, depth+1); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func appendPairs(dst []byte, pairs Map, depth int) ([]byte, error) {
	dst = binary.AppendUvarint(append(dst, 'm'), uint64(len(pairs)))
	seen := make(map[string]bool, len(pairs))
	for _, p := range pairs {
		if seen[p.Key] {
			return nil, fmt.Errorf("a dictionary with the key %q twice cannot be encoded", p.Key)
		}
		seen[p.Key] = true
		var err error
		if dst, err = appendValue(appendBytes(dst, p.Key), p.Value, depth+1); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// Decode reads one canonical encoding. Integers that fit are int64, others *big.Int.
func Decode(encoded []byte) (any, error) {
	d := decoder{rest: encoded}
	if version, err := d.byte(); err != nil || version != canonicalVersion {
		return nil, fmt.Errorf("%w of this version", ErrCanonical)
	}
	v, err := d.value(0)
	if err == nil && len(d.rest) > 0 {
		err = d.fail("bytes follow the value")
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// roomFor bounds what is allocated because of a length, before that many things were found.
const roomFor = 64

// decoder reads from the front of rest.
type decoder struct{ rest []byte }

func (d *decoder) fail(why string) error { return fmt.Errorf("%w: %s", ErrCanonical, why) }

func (d *decoder) byte() (byte, error) {
	b, err := d.bytes(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (d *decoder) bytes(n uint64) ([]byte, error) {
	if n > uint64(len(d.rest)) {
		return nil, d.fail("it ends too early")
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b, nil
}

func (d *decoder) length() (uint64, error) {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || size > 1 && d.rest[size-1] == 0 {
		return 0, d.fail("a length is not in its shortest form")
	}
	d.rest = d.rest[size:]
	return n, nil
}

func (d *decoder) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, d.fail("it is nested too deeply")
	}
	tag, err := d.byte()
	if err != nil {
		return nil, err
	}
	switch tag {
	case 'n':
		return nil, nil
	case 'f', 't':
		return tag == 't', nil
	case 'i':
		return d.int()
	case 'd':
		b, err := d.bytes(8)
		if err != nil {
			return nil, err
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	case 's':
		return d.string()
	case 'b':
		s, err := d.string()
		return []byte(s), err
	case 'h':
		b, err := d.bytes(32)
		if err != nil {
			return nil, err
		}
		return Digest(b), nil
	case 'l':
		return d.items(depth)
	case 'm':
		return d.pairs(depth)
	}
	return nil, d.fail(fmt.Sprintf("unknown tag %q", tag))
}

func (d *decoder) string() (string, error) {
	n, err := d.length()
	if err != nil {
		return "", err
	}
	b, err := d.bytes(n)
	return string(b), err
}

func (d *decoder) int() (any, error) {
	head, err := d.length()
	if err != nil {
		return nil, err
	}
	magnitude, err := d.bytes(head >> 1)
	if err != nil {
		return nil, err
	}
	negative := head&1 == 1
	if len(magnitude) > 0 && magnitude[0] == 0 || len(magnitude) == 0 && negative {
		return nil, d.fail("an integer is not in its shortest form")
	}
	i := new(big.Int).SetBytes(magnitude)
	if negative {
		i.Neg(i)
	}
	if i.IsInt64() {
		return i.Int64(), nil
	}
	return i, nil
}

func (d *decoder) items(depth int) (any, error) {
	n, err := d.length()
	if err != nil {
		return nil, err
	}
	if n > uint64(len(d.rest)) { // an item takes a byte at least
		return nil, d.fail("it ends too early")
	}
	items := make([]any, 0, min(n, roomFor))
	for range n {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	return items, nil
}

func (d *decoder) pairs(depth int) (any, error) {
	n, err := d.length()
	if err != nil {
		return nil, err
	}
	if n > uint64(len(d.rest)) {
		return nil, d.fail("it ends too early")
	}
	pairs := make(Map, 0, min(n, roomFor))
	seen := map[string]bool{}
	for range n {
		key, err := d.string()
		if err != nil {
			return nil, err
		}
		if seen[key] {
			return nil, d.fail(fmt.Sprintf("the key %q comes twice", key))
		}
		seen[key] = true
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, Pair{key, v})
	}
	return pairs, nil
}
