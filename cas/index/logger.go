package index

import (
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// logger receives what Pebble logs. Pebble expects that a fatal error ends the process, and goes on with broken
// invariants where it does not; a library must not do that, so the goroutine that met the error rests here for ever,
// and everybody else is told through fatal.
type logger struct {
	fatal chan struct{}
	once  sync.Once
	err   error // set before fatal is closed
}

func newLogger() *logger { return &logger{fatal: make(chan struct{})} }

// Infof ignores progress reports.
func (*logger) Infof(string, ...any) {}

// Errorf ignores errors that Pebble also returns.
func (*logger) Errorf(string, ...any) {}

// Fatalf records the error and never returns.
func (l *logger) Fatalf(format string, args ...any) {
	l.fail(cause(format, args))
	select {}
}

// background is told why a flush or a compaction failed. Pebble would try again for ever, and stall all writers
// meanwhile. Where a block is damaged it leaves that part alone from then on.
func (l *logger) background(err error) {
	if !pebble.IsCorruptionError(err) {
		l.fail(err)
	}
}

func (l *logger) fail(err error) {
	l.once.Do(func() {
		l.err = err
		close(l.fatal)
	})
}

// cause finds the error (a full disk, say) among the arguments, for callers that test for it.
func cause(format string, args []any) error {
	for _, a := range args {
		if err, ok := a.(error); ok {
			return err
		}
	}
	return fmt.Errorf(format, args...)
}
