package hashing_test

import (
	"errors"
	"testing"

	"github.com/calyx-build/calyx/hashing"
)

// A file of /proc says that it is empty, and is not.
func TestAFileThatIsNotAsLongAsItSaysIsRefused(t *testing.T) {
	if r, err := hashing.ReadRecord("/proc/self/stat", now); !errors.Is(err, hashing.ErrChanged) {
		t.Errorf("%v, %v", r.Digest, err)
	}
}
