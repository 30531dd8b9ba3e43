package index_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/index"
	"github.com/calyx-build/calyx/hashing"
)

// filled makes a database with many rows and returns its folder.
func filled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := index.Open(path, index.Options{Warn: func(text string) { t.Error(text) }})
	if err != nil {
		t.Fatal(err)
	}
	var txn index.Txn
	for i := range 2000 {
		txn.Put = append(txn.Put, cas.Row{Key: rowKey(i), Value: []byte(rowText(i))})
	}
	if _, err := index.Commit(context.Background(), db, txn); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// rowText does not shrink much: the rows fill many blocks.
func rowText(i int) string { return hashing.Sum([]byte(fmt.Sprint(i))).String() }

func rowKey(i int) []byte { return fmt.Appendf(nil, "n%06d", i) }

// TestDamagedDatabase opens databases whose files were changed or removed. Whatever happened, there must be a database
// that can be written and read, and the user must be told.
func TestDamagedDatabase(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, path string){
		"manifest gone":      func(t *testing.T, path string) { remove(t, path, "MANIFEST-*") },
		"table gone":         func(t *testing.T, path string) { remove(t, path, "*.sst") },
		"manifest scrambled": func(t *testing.T, path string) { scramble(t, path, "MANIFEST-*") },
		"table scrambled":    func(t *testing.T, path string) { scramble(t, path, "*.sst") },
		"table emptied": func(t *testing.T, path string) {
			each(t, path, "*.sst", func(file string) error { return os.Truncate(file, 0) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t)
			harm(t, path)
			var told []string
			db, err := index.Open(path, index.Options{Warn: func(text string) { told = append(told, text) }})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 2000 {
				if err := readOrRewrite(db, i); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if len(told) == 0 || !strings.Contains(told[0], "computed again") {
				t.Errorf("told: %q, want what was damaged", told)
			}
		})
	}
}

// readOrRewrite reads a row; where it is missing, it is written and must then be there.
func readOrRewrite(db *index.DB, i int) error {
	ctx := context.Background()
	key, want := rowKey(i), rowText(i)
	for range 2 {
		values, err := db.Rows(ctx, [][]byte{key}, 0)
		if err != nil {
			return err
		}
		if string(values[0]) == want {
			return nil
		}
		if values[0] != nil {
			return fmt.Errorf("row %q = %q, want %q", key, values[0], want)
		}
		if _, err := index.Commit(ctx, db, index.Txn{Put: []cas.Row{{Key: key, Value: []byte(want)}}}); err != nil {
			return err
		}
	}
	return fmt.Errorf("row %q is missing after it was written again", key)
}

// TestScanOverDamage lists the rows of a database with a damaged block: all but those in it are there, and it is told once.
func TestScanOverDamage(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, path string){
		"scrambled": func(t *testing.T, path string) { scramble(t, path, "*.sst") },
		"cut off": func(t *testing.T, path string) {
			each(t, path, "*.sst", func(file string) error { return os.Truncate(file, 10) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t)
			harm(t, path)
			var told []string
			db, err := index.Open(path, index.Options{Warn: func(text string) { told = append(told, text) }})
			if err != nil {
				t.Fatal(err)
			}
			n := scan(t, db, "n")
			if again := scan(t, db, "n"); again != n {
				t.Errorf("scanned %d rows, then %d", n, again)
			}
			if name == "scrambled" && (n < 1000 || n == 2000) {
				t.Errorf("scanned %d of 2000 rows, of which a few are damaged", n)
			}
			if part := scan(t, db, "n0019"); part > n || name == "scrambled" && part != 100 {
				t.Errorf("scanned %d of the last 100 rows, which are not damaged", part)
			}
			if len(told) != 1 || !strings.Contains(told[0], "damaged") {
				t.Errorf("told %q, want the damage, once", told)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestDamageIsMended opens a damaged database again and again: it is told of once, what could be read is there, and what
// is written in place of the rest stays.
func TestDamageIsMended(t *testing.T) {
	path := filled(t)
	scramble(t, path, "*.sst")
	var told []string
	var counts []int
	for range 4 {
		db, err := index.Open(path, index.Options{Warn: func(text string) { told = append(told, text) }})
		if err != nil {
			t.Fatal(err)
		}
		counts = append(counts, scan(t, db, "n"))
		if len(counts) == 3 {
			for i := range 2000 {
				if err := readOrRewrite(db, i); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(told) != 1 {
		t.Errorf("told %q, want the damage, once", told)
	}
	if n := counts[0]; n < 1000 || n == 2000 || counts[1] != n || counts[2] != n || counts[3] != 2000 {
		t.Errorf("scanned %d rows of 2000, of which a few were damaged and then written anew", counts)
	}
	left, err := filepath.Glob(path + ".*")
	if err != nil || len(left) > 0 {
		t.Errorf("left beside the database: %q, %v", left, err)
	}
}

// scan counts the rows under a prefix, and makes sure that they come in order and are right.
func scan(t *testing.T, db *index.DB, prefix string) (n int) {
	t.Helper()
	last := ""
	err := db.Scan(t.Context(), []byte(prefix), func(key, value []byte) bool {
		var i int
		if _, err := fmt.Sscanf(string(key), "n%d", &i); err != nil || string(key) <= last {
			t.Errorf("row %q after %q, %v", key, last, err)
		}
		if string(value) != rowText(i) {
			t.Errorf("row %q is %q", key, value)
		}
		last = string(key)
		n++
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func each(t *testing.T, path, pattern string, harm func(file string) error) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(path, pattern))
	if err != nil || len(files) == 0 {
		t.Fatal("nothing to harm", err)
	}
	for _, f := range files {
		if err := harm(f); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(t *testing.T, path, pattern string) { each(t, path, pattern, os.Remove) }

// scramble changes a few bytes in the middle.
func scramble(t *testing.T, path, pattern string) {
	each(t, path, pattern, func(file string) error {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for i := len(content) / 3; i < len(content)/3+40; i++ {
			content[i] ^= 0x55
		}
		return os.WriteFile(file, content, 0o644)
	})
}
