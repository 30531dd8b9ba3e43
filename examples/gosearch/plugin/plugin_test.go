package main

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestWords(t *testing.T) {
	for _, c := range []struct {
		text  string
		words map[string]int
	}{
		{"", map[string]int{}},
		{"if x := go2", map[string]int{}}, // too short
		{"readFile ReadFile READFILE", map[string]int{"read": 2, "file": 2, "readfile": 1}},
		{"parseHTTPRequest", map[string]int{"parse": 1, "http": 1, "request": 1}},
		{"max_line, naïve", map[string]int{"max": 1, "line": 1}},
		{"abcdefghijklmnopqrstuvwx yes", map[string]int{"abcdefghijklmnopqrstuvwx": 1, "yes": 1}},
		{"abcdefghijklmnopqrstuvwxy yes", map[string]int{"yes": 1}}, // too long
	} {
		counts := map[string]int{}
		count([]byte(c.text), counts)
		if !maps.Equal(counts, c.words) {
			t.Errorf("words of %q: got %v, want %v", c.text, counts, c.words)
		}
	}
}

func TestNpyRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.npy")
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOfN(rapid.Float32(), 0, 300).Draw(t, "v")
		if err := writeNpy(path, v); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if header := len(data) - 4*len(v); header%64 != 0 || data[header-1] != '\n' {
			t.Fatalf("the elements begin at %d", header)
		}
		back, err := readNpy(data)
		if err != nil || !slices.Equal(v, back) {
			t.Fatalf("got %v (%v), want %v", back, err, v)
		}
	})
}

func TestNpyRefusesWhatItIsNot(t *testing.T) {
	for _, data := range []string{"", "text", npyMagic, npyMagic + "\xff\xff{}", npyMagic + "\x02\x00{}"} {
		if _, err := readNpy([]byte(data)); err == nil {
			t.Errorf("%q was taken for a vector", data)
		}
	}
}

func TestNearest(t *testing.T) {
	half := float32(math.Sqrt(0.5))
	a := indexArgs{Packages: []string{"x", "y", "both"}, Neighbours: 1}
	vectors := []sparse{newSparse([]float32{1, 0}), newSparse([]float32{0, 1}), newSparse([]float32{half, half})}
	for i, want := range []string{"both", "both", "x"} { // of two that are as near, the first by name
		got := nearest(i, a, vectors)
		if len(got) != 1 || got[0].name != want {
			t.Errorf("nearest to %q: got %v, want %q", a.Packages[i], got, want)
		}
	}
}

func TestCommonWords(t *testing.T) {
	terms := []term{{"rare", 3}, {"plain", 1}, {"alone", 5}}
	x, y := map[string]int{"rare": 2, "plain": 3, "alone": 9}, map[string]int{"rare": 1, "plain": 9}
	if got := common(x, y, terms, 8); !slices.Equal(got, []string{"plain", "rare"}) {
		t.Errorf("got %q", got)
	}
}
