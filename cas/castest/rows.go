package castest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/cas"
)

func testRows(t *testing.T, suite Suite) {
	ctx := context.Background()

	t.Run("random writes read back like a map", func(t *testing.T) {
		s := suite.open(t)
		model := map[string]string{}
		rapid.Check(t, func(r *rapid.T) {
			change(t, r, s, model)
			compare(t, r, s, model)
		})
		suite.reopen(t, s)
		rapid.Check(t, func(r *rapid.T) { compare(t, r, s, model) })
	})

	t.Run("an empty value is a value", func(t *testing.T) {
		s := suite.open(t)
		commit(t, s, cas.Txn{Put: []cas.Row{row("x", "")}})
		got, err := s.Rows(ctx, []byte("x"), []byte("y"))
		check(t, err)
		if got[0] == nil || len(got[0]) != 0 || got[1] != nil {
			t.Errorf("Rows = %#v, want an empty value and none", got)
		}
	})

	t.Run("a scan of much stops when told", func(t *testing.T) {
		s := suite.open(t)
		var txn cas.Txn
		for i := range 5000 {
			txn.Put = append(txn.Put, row(fmt.Sprintf("k%05d", i), strings.Repeat("v", 500)))
		}
		commit(t, s, txn)
		n := 0
		check(t, s.Scan(ctx, []byte("k"), func(key, _ []byte) bool {
			if want := fmt.Sprintf("k%05d", n); string(key) != want {
				t.Fatalf("row %d of the scan is %q, want %q", n, key, want)
			}
			n++
			return n < 4000
		}))
		if n != 4000 {
			t.Errorf("the scan went on to row %d after it was told to stop at 4000", n)
		}
	})

	t.Run("a prefix is bytes and not text", func(t *testing.T) {
		s := suite.open(t)
		inside := []string{"z\x80", "z\x80\x00", "z\xef\xbf\xbd", "z\xef\xbf\xbd!", "z\xff", "z\xff\xff"}
		txn := cas.Txn{Put: []cas.Row{row("z\x81", "1"), row("z\xf0", "1"), row("zz", "1")}}
		for _, key := range inside {
			txn.Put = append(txn.Put, row(key, "1"))
		}
		commit(t, s, txn)
		for i := 0; i < len(inside); i += 2 {
			var got []string
			check(t, s.Scan(ctx, []byte(inside[i]), func(key, _ []byte) bool {
				got = append(got, string(key))
				return true
			}))
			if want := inside[i : i+2]; !slices.Equal(got, want) {
				t.Errorf("a scan of %q = %q, want %q", inside[i], got, want)
			}
		}
	})

	t.Run("blobs are not rows", func(t *testing.T) {
		s := suite.open(t)
		put(t, s, []byte("x"), []byte("y"))
		commit(t, s, cas.Txn{Put: []cas.Row{row("a", "1"), row("c", "2"), row("z", "3")}})
		var keys []string
		check(t, s.Scan(ctx, nil, func(key, _ []byte) bool {
			keys = append(keys, string(key))
			return true
		}))
		if want := []string{"a", "c", "z"}; !slices.Equal(keys, want) {
			t.Errorf("a scan of everything = %q, want %q", keys, want)
		}
		stats, err := s.Stats(ctx)
		check(t, err)
		if stats.Rows != 3 {
			t.Errorf("Stats.Rows = %d, want 3", stats.Rows)
		}
		for _, key := range []string{"", "b", "bx", "i", "it"} {
			if _, err := cas.Commit(ctx, s, cas.Txn{Put: []cas.Row{row(key, "1")}}); err == nil {
				t.Errorf("the store's own key %q was accepted", key)
			}
			if _, err := s.Rows(ctx, []byte(key)); err == nil {
				t.Errorf("the store's own key %q was read", key)
			}
		}
	})
}

func row(key, value string) cas.Row { return cas.Row{Key: []byte(key), Value: []byte(value)} }

var keys = rapid.StringMatching(`[c-h]{0,3}|c\xff{1,2}[a-z]?|z.{0,60}`).Filter(func(s string) bool { return s != "" })

// change writes and deletes a few rows, in the store and in the model.
func change(t *testing.T, r *rapid.T, s cas.Store, model map[string]string) {
	var txn cas.Txn
	for _, key := range rapid.SliceOfN(keys, 0, 8).Draw(r, "keys") {
		if rapid.IntRange(0, 3).Draw(r, "delete") == 0 {
			txn.Put = append(txn.Put, cas.Row{Key: []byte(key)})
			delete(model, key)
			continue
		}
		model[key] = rapid.String().Draw(r, "value")
		txn.Put = append(txn.Put, row(key, model[key]))
	}
	commit(t, s, txn)
}

// compare reads the rows under a prefix one by one and by a scan.
func compare(t *testing.T, r *rapid.T, s cas.Store, model map[string]string) {
	ctx := context.Background()
	prefix := rapid.OneOf(keys, rapid.Just("")).Draw(r, "prefix")
	var want []string
	for _, key := range slices.Sorted(maps.Keys(model)) {
		if strings.HasPrefix(key, prefix) {
			want = append(want, key, model[key])
		}
	}
	var got []string
	check(t, s.Scan(ctx, []byte(prefix), func(k, v []byte) bool {
		got = append(got, string(k), string(v))
		return true
	}))
	if !slices.Equal(got, want) {
		t.Fatalf("scan of %q = %q, want %q", prefix, got, want)
	}
	asked := rapid.SliceOfN(keys, 0, 5).Draw(r, "asked")
	expectRows(t, s, asked, model)
}

func expectRows(t *testing.T, s cas.Store, asked []string, model map[string]string) {
	t.Helper()
	var ask [][]byte
	for _, key := range asked {
		ask = append(ask, []byte(key))
	}
	values, err := s.Rows(context.Background(), ask...)
	check(t, err)
	for i, key := range asked {
		want, there := model[key]
		if (values[i] != nil) != there || !bytes.Equal(values[i], []byte(want)) {
			t.Fatalf("row %q = %q (nil: %t), want %q (there: %t)", key, values[i], values[i] == nil, want, there)
		}
	}
}
