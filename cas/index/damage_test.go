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
		txn.Put = append(txn.Put, cas.Row{Key: rowKey(i), Value: []byte(strings.Repeat(fmt.Sprint(i), 50))})
	}
	if _, err := db.Commit(context.Background(), []index.Txn{txn}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

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
	key, want := rowKey(i), strings.Repeat(fmt.Sprint(i), 50)
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
		if _, err := db.Commit(ctx, []index.Txn{{Put: []cas.Row{{Key: key, Value: []byte(want)}}}}); err != nil {
			return err
		}
	}
	return fmt.Errorf("row %q is missing after it was written again", key)
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
