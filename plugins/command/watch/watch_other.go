//go:build !linux || !(amd64 || arm64)

package watch

import (
	"errors"
	"syscall"

	"github.com/calyx-build/calyx/executor"
)

var errUnknown = errors.New("programs can be watched on Linux only, on x86-64 and arm64")

// Starter starts programs that are watched: here it cannot.
type Starter struct{}

// Usable reports why programs cannot be watched here.
func (*Starter) Usable() error { return errUnknown }

// Start fails.
func (*Starter) Start(*Watch, string, []string, *syscall.ProcAttr) (int, error) {
	return 0, errUnknown
}

// Close does nothing.
func (*Starter) Close() error { return nil }

// Watch is what is known of a program: here there is none.
type Watch struct{}

// New makes one that sees nothing.
func New(string) *Watch { return &Watch{} }

// Looked notes nothing.
func (*Watch) Looked(string) {}

// Opening notes nothing.
func (*Watch) Opening(string, string, int) {}

// Accesses returns nothing.
func (*Watch) Accesses() ([]executor.Access, error) { return nil, nil }
