package trace

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/calyx-build/calyx/cas"
)

// Generation names what the store held at a time: it is another one in another store, and after a result has been replaced by
// one that differs. What was read from the store under an equal generation is still what a look-up would find, or is lost.
type Generation [16]byte

var generationKey = []byte("g")

func newGenerationRow() cas.Row {
	value := make([]byte, len(Generation{}))
	_, _ = rand.Read(value) // it never fails
	return cas.Row{Key: generationKey, Value: value}
}

// Generation returns the store's present generation; zero, which is none, where the store has none yet and cannot be written to.
func (db *DB) Generation(ctx context.Context) (g Generation, err error) {
	found, err := db.store.Rows(ctx, generationKey)
	if err == nil && len(found[0]) != len(g) {
		first := newGenerationRow()
		r, writeErr := db.store.Apply(ctx, cas.Txn{If: []cas.Row{{Key: generationKey, Value: found[0]}}, Put: []cas.Row{first}})
		switch {
		case writeErr != nil:
			return g, ctx.Err() // whoever has something to write is told of it
		case r[0].Applied:
			found[0] = first.Value
		default: // another process was faster
			found[0] = r[0].Current[0]
		}
	}
	if err != nil {
		return g, fmt.Errorf("read the generation of the cache: %w", err)
	}
	copy(g[:], found[0])
	return g, nil
}
