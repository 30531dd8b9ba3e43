package executor

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
)

// putLogInto keeps what the task printed.
func (a *attempt) putLogInto(txn *cas.Txn) trace.Value {
	if a.outcome.Log == "" {
		return trace.Value{}
	}
	put, err := a.l.e.store.PutFile(a.l.ctx, a.outcome.Log)
	if err != nil || put.Size == 0 {
		return trace.Value{} // a log that cannot be kept does not make the result wrong
	}
	if put.Inline != nil {
		txn.Blobs = append(txn.Blobs, put.Inline)
	}
	return trace.Value{Media: trace.MediaText, Digest: put.Digest, Size: put.Size}
}

// addToLog adds the details of a failure, as a traceback, to what the task printed, unless it printed them itself. Where they
// cannot be added, they are shown with the failure all the same.
func (a *attempt) addToLog(details string) {
	details = strings.TrimSpace(details)
	if details == "" || a.scratch == "" {
		return
	}
	if a.outcome.Log == "" {
		a.outcome.Log = filepath.Join(a.scratch, "failure")
	}
	f, err := os.OpenFile(a.outcome.Log, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	printed := lastBytes(f, 2*len(details)+longestTail)
	if bytes.Contains(printed, []byte(details)) {
		return
	}
	if len(printed) > 0 && printed[len(printed)-1] != '\n' {
		details = "\n" + details
	}
	_, _ = f.WriteString(details + "\n")
}

// lastBytes are the last n bytes of a file, or all.
func lastBytes(f *os.File, n int) []byte {
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	text := make([]byte, min(info.Size(), int64(n)))
	if _, err := f.ReadAt(text, info.Size()-int64(len(text))); err != nil {
		return nil
	}
	return text
}

// putLog keeps the log of a failed attempt.
func (a *attempt) putLog() trace.Value {
	var txn cas.Txn
	v := a.putLogInto(&txn)
	if len(txn.Blobs) > 0 {
		if _, err := a.l.e.store.Apply(a.l.ctx, txn); err != nil {
			return trace.Value{}
		}
	}
	return v
}
