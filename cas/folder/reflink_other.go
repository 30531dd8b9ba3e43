//go:build !linux

package folder

import (
	"errors"
	"os"
)

// reflink cannot share blocks between open files here.
func reflink(_, _ *os.File) error { return errors.ErrUnsupported }
