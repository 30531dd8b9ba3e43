package enginetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/calyx-build/calyx/cas/local"
)

// builder is the word that makes this test's program a process that carries one order out.
const builder = "carry-out-an-order"

func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != builder {
		m.Run()
		return
	}
	if err := carryOutAlone(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// line is one line of what a builder says.
type line struct {
	Executed *executed `json:",omitempty"`
	Report   *report   `json:",omitempty"`
}

// carryOutAlone carries out the order that stands on standard input.
func carryOutAlone() error {
	var o order
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		return err
	}
	ctx := context.Background()
	said := json.NewEncoder(os.Stdout)
	var failed error
	store, err := local.Connect(ctx, local.Options{Dir: cacheOf(o.Root), Warn: func(text string) { failed = errors.Join(failed, errors.New(text)) }})
	if err != nil {
		return err
	}
	r := o.carryOut(ctx, &forgetful{Store: store, lost: losses{o.Lost}}, func(x executed) {
		failed = errors.Join(failed, said.Encode(line{Executed: &x}))
	})
	return errors.Join(failed, said.Encode(line{Report: &r}), store.Close())
}

// carryOutApart carries the order out in a process of its own.
func (o *order) carryOutApart(ctx context.Context, tell func(executed)) report {
	ctx, cancel := context.WithTimeout(ctx, 2*hangs)
	defer cancel()
	text, err := json.Marshal(o)
	if err != nil {
		return report{Errors: []string{err.Error()}}
	}
	cmd := exec.CommandContext(ctx, os.Args[0], builder)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // or with -race it sleeps for a second before it ends
	cmd.Stdin = bytes.NewReader(text)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	said, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return report{Errors: []string{err.Error()}}
	}
	r, err := hear(said, tell)
	if err = errors.Join(err, cmd.Wait()); err != nil || complaints.Len() > 0 {
		r.Errors = append(r.Errors, fmt.Sprintf("the process: %v\n%s", err, &complaints))
	}
	return r
}

// hear takes what a builder says.
func hear(said io.Reader, tell func(executed)) (report, error) {
	var r report
	for lines := json.NewDecoder(said); ; {
		var l line
		switch err := lines.Decode(&l); {
		case errors.Is(err, io.EOF):
			return r, nil
		case err != nil:
			return r, err
		case l.Executed != nil:
			tell(*l.Executed)
		case l.Report != nil:
			r = *l.Report
		}
	}
}
