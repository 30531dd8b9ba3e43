package storepb

import (
	"errors"
	"syscall"

	"github.com/calyx-build/calyx/cas/index"
)

// FromError writes an error as a message.
func FromError(err error) *Tell {
	e := &Error{Text: err.Error()}
	switch {
	case errors.Is(err, index.ErrClosed):
		e.Kind = Error_KIND_CLOSED
	case errors.Is(err, syscall.ENOSPC):
		e.Kind = Error_KIND_FULL
	}
	return &Tell{Kind: &Tell_Error{Error: e}}
}

// ToError reads what FromError wrote: the same text, and the same cause where callers test for it.
func ToError(e *Error) error {
	switch e.GetKind() {
	case Error_KIND_CLOSED:
		return &causedError{e.GetText(), index.ErrClosed}
	case Error_KIND_FULL:
		return &causedError{e.GetText(), syscall.ENOSPC}
	}
	return errors.New(e.GetText())
}

// causedError is an error whose text already speaks of its cause.
type causedError struct {
	text  string
	cause error
}

func (e *causedError) Error() string { return e.text }
func (e *causedError) Unwrap() error { return e.cause }
