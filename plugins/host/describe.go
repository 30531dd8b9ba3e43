package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
	"github.com/calyx-build/calyx/plugins/redact"
)

// described is a description with what the plugin read, or looked for in vain, to give it.
type described struct {
	executor.Description
	reads  []read
	queues bool
}

// Describe asks a plugin what it offers, with code identity. It starts a process where none runs. The error names the
// plugin; where the process failed it is an *executor.Failure whose Details are the end of its standard error.
func (h *Host) Describe(ctx context.Context, plugin executor.PluginProcess) (*executor.Description, error) {
	d, err := h.describe(ctx, plugin)
	if err != nil {
		return nil, err
	}
	return &d.Description, nil
}

func (h *Host) describe(ctx context.Context, plugin executor.PluginProcess) (*described, error) {
	p, err := h.pool(plugin)
	if err != nil {
		return nil, fmt.Errorf("describe plugin %q: %w", plugin.Name, err)
	}
	proc, err := p.borrow(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, h.opts.Start)
	defer cancel()
	d, err := describe(ctx, proc.conn, plugin.Name, true)
	if err != nil {
		return nil, proc.describeFailed(err)
	}
	return d, nil
}

// describeFailed says why a process that had started well could not be asked, with the end of what it wrote. Calls of it may
// be under way: it is not ended here.
func (p *process) describeFailed(err error) *executor.Failure {
	f := &executor.Failure{Exit: -1}
	select {
	case <-p.gone:
		var how string
		how, f.Exit, f.Signal = p.peer.exit()
		err = fmt.Errorf("describe plugin %q: it crashed (%s)", p.pool.plugin.Name, how)
	case <-time.After(patience):
	}
	f.Message = redact.Text(err.Error(), p.pool.plugin.Secrets)
	f.Details = redact.Text(p.tail.Lines(), p.pool.plugin.Secrets)
	f.Declared = wrongSource.MatchString(f.Details)
	return f
}

// describing is the task of describing a plugin, as a Call.
type describing struct{ cancel context.CancelFunc }

// Answer does nothing: a plugin needs nothing to describe itself.
func (describing) Answer(uint64, []executor.Answer) {}

// Cancel stops waiting for the description.
func (d describing) Cancel() { d.cancel() }

// startDescribing begins a task that describes a plugin.
func (h *Host) startDescribing(t *executor.Task, to executor.Handler) executor.Call {
	ctx, cancel := context.WithCancel(context.Background())
	started := h.clock()
	go func() {
		defer cancel()
		d, err := h.describe(ctx, *t.Describe)
		o := executor.Outcome{Started: started, Ended: h.clock()}
		if err == nil {
			o.Result.Value.Media = trace.MediaJSON
			o.Result.Inline, err = json.Marshal(d.Description)
		}
		if err != nil {
			o.Failure = failureOf(err)
			o.Failure.Cancel = ctx.Err() != nil
		}
		h.news.post(func() {
			if d != nil {
				observed(to, d.reads)
			}
			to.Done(o)
		})
	}()
	return describing{cancel}
}

// failureOf returns the failure that an error is, or one that says the same.
func failureOf(err error) *executor.Failure {
	var f *executor.Failure
	if errors.As(err, &f) {
		same := *f
		return &same
	}
	return &executor.Failure{Message: err.Error(), Exit: -1}
}

// describe asks one process.
func describe(ctx context.Context, conn grpc.ClientConnInterface, plugin string, identity bool) (*described, error) {
	r, err := pluginv1.NewPluginClient(conn).Describe(ctx, &pluginv1.DescribeRequest{Identity: identity})
	if err != nil {
		return nil, fmt.Errorf("describe plugin %q: %w", plugin, plainly(err))
	}
	d, err := description(r)
	if err != nil {
		return nil, fmt.Errorf("describe plugin %q: %w", plugin, err)
	}
	return d, nil
}

// plainly says in the user's words what gRPC says in its own.
func plainly(err error) error {
	s, ok := status.FromError(err)
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("it closed the stream")
	case !ok:
		return err
	case s.Code() == codes.Unimplemented:
		return fmt.Errorf("it does not serve %s", pluginv1.Plugin_ServiceDesc.ServiceName)
	case s.Code() == codes.DeadlineExceeded:
		return errors.New("it did not answer in time")
	case s.Code() == codes.ResourceExhausted:
		return fmt.Errorf("a message is too long: %s", s.Message())
	}
	return errors.New(s.Message())
}

// ReadDescription reads what a program says of itself in the words of the protocol.
func ReadDescription(r *pluginv1.DescribeResponse) (*executor.Description, error) {
	d, err := description(r)
	if err != nil {
		return nil, err
	}
	return &d.Description, nil
}

func description(r *pluginv1.DescribeResponse) (*described, error) {
	d := &described{Description: executor.Description{Name: r.GetName(), Version: r.GetVersion()}, queues: r.GetQueues()}
	for _, s := range r.GetSources() {
		d.Sources = append(d.Sources, string(s))
	}
	var err error
	if d.Parts, err = parts(r.GetParts()); err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, f := range r.GetFunctions() {
		function, err := function(f, len(d.Parts))
		if err == nil && known[function.Name] {
			err = errors.New("it is there twice")
		}
		if err != nil {
			return nil, fmt.Errorf("function %q: %w", f.GetName(), err)
		}
		known[function.Name] = true
		d.Functions = append(d.Functions, function)
	}
	for _, s := range r.GetStored() {
		stored, err := stored(s)
		if err == nil && known[stored.Name] {
			err = errors.New("it is there twice")
		}
		if err != nil {
			return nil, fmt.Errorf("stored %q: %w", s.GetName(), err)
		}
		known[stored.Name] = true
		d.Stored = append(d.Stored, stored)
	}
	d.reads, err = reads(r.GetReads(), nil) // nothing that was changed since the process was started is kept of it
	return d, err
}

// errNoName says what a name consists of: languages allow more.
var errNoName = errors.New("that is no name: letters (A to Z), digits and _ . - are, after a letter or _")

func stored(s *pluginv1.Stored) (executor.StoredDescription, error) {
	d := executor.StoredDescription{Name: s.GetName(), Doc: s.GetDoc(), Path: string(s.GetPath()), Glob: string(s.GetGlob()), Env: s.GetEnv()}
	if !graph.ValidName(d.Name) {
		return d, errNoName
	}
	value := s.GetDefault()
	switch s.GetSource().(type) {
	case nil:
		return d, errors.New("it says nothing of where its value comes from")
	case *pluginv1.Stored_Value:
		value = s.GetValue()
	}
	if value == nil {
		return d, nil
	}
	var err error
	d.Default, err = jsonText(value)
	return d, err
}

// jsonText is a literal as JSON.
func jsonText(l *pluginv1.Literal) (string, error) {
	v, err := plain(l, 0)
	if err != nil {
		return "", err
	}
	text, err := graph.JSON(v)
	return string(text), err
}

// longestCode is the length of a code identity in bytes.
const longestCode = 256

// parts are pieces of code, whose names differ.
func parts(given []*pluginv1.Part) ([]executor.PartDescription, error) {
	var all []executor.PartDescription
	known := map[string]bool{}
	for _, p := range given {
		if p.GetName() == "" || known[p.GetName()] {
			return nil, fmt.Errorf("part %q: that is no name for a further part", p.GetName())
		}
		known[p.GetName()] = true
		if p.GetCode() == "" || len(p.GetCode()) > longestCode {
			return nil, fmt.Errorf("part %q: its code must have 1 to %d bytes", p.GetName(), longestCode)
		}
		all = append(all, executor.PartDescription{Name: p.GetName(), Path: string(p.GetPath()), Line: int(p.GetLine()), Code: p.GetCode(), Source: p.GetSource()})
	}
	return all, nil
}

func function(f *pluginv1.Function, parts int) (executor.FunctionDescription, error) {
	d := executor.FunctionDescription{Name: f.GetName(), Doc: f.GetDoc(), Code: f.GetCode(), Overlap: f.GetOverlap(), Returns: f.GetReturns(), Notes: f.GetNotes()}
	for _, i := range f.GetParts() {
		if int(i) >= parts {
			return d, fmt.Errorf("it consists of part %d, and there are %d", i, parts)
		}
		d.Parts = append(d.Parts, int(i))
	}
	switch {
	case !graph.ValidName(d.Name):
		return d, errNoName
	case len(d.Code) > longestCode:
		return d, fmt.Errorf("its code identity is longer than %d bytes", longestCode)
	}
	var err error
	if d.Options, err = options(f.GetOptions()); err != nil {
		return d, err
	}
	known := map[string]bool{}
	for _, p := range f.GetParameters() {
		switch {
		case !graph.ValidName(p.GetName()):
			return d, fmt.Errorf("parameter %q: %w", p.GetName(), errNoName)
		case known[p.GetName()]:
			return d, fmt.Errorf("parameter %q: it is there twice", p.GetName())
		}
		known[p.GetName()] = true
		parameter, err := parameter(p)
		if err != nil {
			return d, fmt.Errorf("the default of %q: %w", p.GetName(), err)
		}
		d.Parameters = append(d.Parameters, parameter)
	}
	return d, nil
}

func options(given map[string]*pluginv1.Literal) ([]executor.OptionDescription, error) {
	var all []executor.OptionDescription
	for _, name := range slices.Sorted(maps.Keys(given)) {
		text, err := jsonText(given[name])
		if err != nil {
			return nil, fmt.Errorf("option %q: %w", name, err)
		}
		all = append(all, executor.OptionDescription{Name: name, Value: text})
	}
	return all, nil
}

func parameter(p *pluginv1.Parameter) (executor.Parameter, error) {
	d := executor.Parameter{Name: p.GetName(), Type: p.GetType()}
	if p.GetDefault() == nil {
		return d, nil
	}
	var err error
	d.Default, err = jsonText(p.GetDefault())
	return d, err
}
