package hashing_test

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/hashing"
)

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := hashing.Canonical(v)
	if err != nil {
		t.Fatalf("%#v: %v", v, err)
	}
	return b
}

// values are values as Decode returns them.
func values(depth int) *rapid.Generator[any] {
	leaf := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.String().AsAny(), rapid.Float64().AsAny(),
		rapid.SliceOf(rapid.Byte()).AsAny(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) any { return string(b) }),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 9, 40), func(b []byte) any {
			return new(big.Int).SetBit(new(big.Int).SetBytes(b), 64, 1)
		}),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) any { return hashing.Sum(b) }),
	}
	if depth == 0 {
		return rapid.OneOf(leaf...)
	}
	return rapid.OneOf(append(leaf,
		rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[any] { return values(depth - 1) }), 0, 4).AsAny(),
		rapid.Custom(func(t *rapid.T) any {
			m := hashing.Map{}
			for _, key := range rapid.SliceOfNDistinct(rapid.String(), 0, 4, rapid.ID).Draw(t, "keys") {
				m = append(m, hashing.Pair{Key: key, Value: values(depth-1).Draw(t, "value")})
			}
			return m
		}))...)
}

func TestEveryValueHasOneEncoding(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v, w := values(3).Draw(rt, "v"), values(3).Draw(rt, "w")
		a, err := hashing.Canonical(v)
		if err != nil {
			rt.Fatal(err)
		}
		b, err := hashing.Canonical(w)
		if err != nil {
			rt.Fatal(err)
		}
		if bytes.Equal(a, b) != reflect.DeepEqual(v, w) {
			rt.Fatalf("%#v and %#v: encodings %x and %x", v, w, a, b)
		}
		back, err := hashing.Decode(a)
		if err != nil || !reflect.DeepEqual(back, v) {
			rt.Fatalf("%#v came back as %#v, %v", v, back, err)
		}
		if _, err := hashing.Decode(append(a, b...)); err == nil {
			rt.Fatal("a value with another behind it was read")
		}
		for i := range a {
			if _, err := hashing.Decode(a[:i]); err == nil {
				rt.Fatalf("the first %d of %x were read", i, a)
			}
		}
	})
}

func TestValuesThatLookAlikeDiffer(t *testing.T) {
	payload := math.Float64frombits(0x7ff8000000000002)
	alike := []any{
		int64(1), 1.0, "1", true, []byte("1"), []any{int64(1)}, hashing.Map{{Key: "1"}}, nil, false, int64(0), 0.0, math.Copysign(0, -1), "", []byte{},
		[]any{}, hashing.Map{}, []any{nil}, math.NaN(), payload, int64(-1), int64(256), new(big.Int).Lsh(big.NewInt(1), 64), hashing.Digest{},
		string(make([]byte, 32)), []any{"a", "b"}, []any{[]any{"a"}, "b"}, []any{"ab"}, []any{"a", []any{"b"}},
		hashing.Map{{Key: "a"}, {Key: "b"}}, hashing.Map{{Key: "b"}, {Key: "a"}}, int64(math.MinInt64), int64(math.MaxInt64),
	}
	seen := map[string]any{}
	for _, v := range alike {
		b := encode(t, v)
		if w, twice := seen[string(b)]; twice {
			t.Errorf("%#v and %#v have the same encoding", v, w)
		}
		seen[string(b)] = v
		back, err := hashing.Decode(b)
		if err != nil || !bytes.Equal(encode(t, back), b) {
			t.Errorf("%#v came back as %#v, %v", v, back, err)
		}
	}
}

func TestIntegersOfEveryTypeAgree(t *testing.T) {
	for _, i := range []int64{0, 1, -1, 127, 128, -256, math.MinInt64, math.MaxInt64} {
		want := encode(t, i)
		if got := encode(t, int(i)); !bytes.Equal(got, want) {
			t.Errorf("int(%d): %x, want %x", i, got, want)
		}
		if got := encode(t, big.NewInt(i)); !bytes.Equal(got, want) {
			t.Errorf("big.Int %d: %x, want %x", i, got, want)
		}
	}
}

func TestWhatCannotBeEncodedIsNamed(t *testing.T) {
	deep := any(nil)
	for range 5000 {
		deep = []any{deep}
	}
	loop := []any{nil}
	loop[0] = loop
	for _, c := range []struct {
		v    any
		want string
	}{
		{struct{ X int }{}, "struct { X int }"},
		{float32(1), "float32"},
		{[]string{"a"}, "[]string"},
		{[]any{map[string]any{}}, "map[string]interface {}"},
		{hashing.Map{{Key: "k", Value: int32(1)}}, "int32"},
		{hashing.Map{{Key: "k"}, {Key: "k"}}, `"k" twice`},
		{(*big.Int)(nil), "*big.Int"},
		{deep, "nested"},
		{loop, "nested"},
	} {
		if _, err := hashing.Canonical(c.v); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: %v, want %q in it", c.v, err, c.want)
		}
	}
}

// TestOtherSpellingsAreRefused holds encodings of what another spelling says.
func TestOtherSpellingsAreRefused(t *testing.T) {
	const v = "\x01"
	huge := "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
	for name, b := range map[string]string{
		"nothing": "", "no value": v, "another version": "\x02n", "an unknown tag": v + "x", "bytes behind": v + "nn",
		"a long length": v + "s\x80\x00", "a length of eleven bytes": v + "s" + strings.Repeat("\xff", 10) + "\x01",
		"a huge string": v + "s" + huge, "a huge list": v + "l" + huge, "a huge map": v + "m" + huge, "a huge integer": v + "i" + huge,
		"an integer with a zero in front": v + "i\x04\x00\x01", "minus zero": v + "i\x01", "a short float": v + "d1234567",
		"a short digest": v + "h" + strings.Repeat("x", 31), "a key twice": v + "m\x02\x01kn\x01kn", "a list too short": v + "l\x02n",
		"too deep": v + strings.Repeat("l\x01", 5000) + "n",
	} {
		if got, err := hashing.Decode([]byte(b)); !errors.Is(err, hashing.ErrCanonical) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestDigestsArePrintedAndRead(t *testing.T) {
	d := hashing.Sum(nil)
	const empty = "b3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
	if d.String() != empty {
		t.Errorf("the digest of nothing is %v", d)
	}
	if back, err := hashing.ParseDigest(empty); err != nil || back != d {
		t.Errorf("%v, %v", back, err)
	}
	for _, s := range []string{"", "b3:", empty[3:], strings.ToUpper(empty), empty + "0", empty[:66] + "g", "b3:" + strings.ToUpper(empty[3:])} {
		if _, err := hashing.ParseDigest(s); !errors.Is(err, hashing.ErrDigest) {
			t.Errorf("%q: %v", s, err)
		}
	}
	var text hashing.Digest
	if b, err := text.MarshalText(); err != nil || len(b) != 0 || text.UnmarshalText(b) != nil || !text.IsZero() {
		t.Errorf("the absent digest: %q, %v", b, err)
	}
}
