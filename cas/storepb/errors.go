package storepb

import (
	"context"
	"errors"
	"syscall"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/calyx-build/calyx/cas/index"
)

// FromError writes an error as a status.
func FromError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, index.ErrClosed):
		return status.Error(codes.Unavailable, err.Error())
	case errors.Is(err, syscall.ENOSPC):
		return status.Error(codes.ResourceExhausted, err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	}
	return status.Error(codes.Unknown, err.Error())
}

// ToError reads what FromError wrote: the same text, and the same cause where callers test for it.
func ToError(err error) error {
	s, ok := status.FromError(err)
	if err == nil || !ok {
		return err
	}
	switch s.Code() {
	case codes.ResourceExhausted:
		return &causedError{s.Message(), syscall.ENOSPC}
	case codes.Canceled:
		return &causedError{s.Message(), context.Canceled}
	case codes.DeadlineExceeded:
		return &causedError{s.Message(), context.DeadlineExceeded}
	}
	return errors.New(s.Message())
}

// causedError is an error whose text already speaks of its cause.
type causedError struct {
	text  string
	cause error
}

func (e *causedError) Error() string { return e.text }
func (e *causedError) Unwrap() error { return e.cause }
