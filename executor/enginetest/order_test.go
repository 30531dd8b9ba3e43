package enginetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/state"
	"github.com/calyx-build/calyx/plugins/host"
)

// order is one build, with all that the process has to know that carries it out.
type order struct {
	Root, Instance string
	Lost           string            // see losses
	Watched        bool              // see pipeline
	Python         bool              // see pipeline
	Code           map[string]string // see runner
	Ahead          time.Duration     // see world
	State          map[string]int64  // what was set
	Edit           *edit

	Targets                                     []string
	Jobs                                        int
	KeepGoing, Values, Verbose, Force, ForceAll bool
	Set                                         map[string]string
}

// edit changes a source while the build runs: at one of the moments at which a task starts or has done its work, or at the first of
// them after it at which a task has read something without asking, and that.
type edit struct {
	Path, Text string // Path is empty where it is what was read
	At         int
}

// executed is a node that was executed, or failed.
type executed struct {
	Node, Saw string
	Failure   string
	Kind      graph.ReasonKind
	Reason    string
	Edited    bool // the edit was made by then
	Started   time.Time
}

// report is how a build ended.
type report struct {
	OK           bool
	Moved        []string
	Steps        int // that have a result
	Cached       int
	NothingMoved bool
	Values       map[string]string // of targets without outputs
	Edited       string            // the source that was
	Asked        int64             // records of nodes
	Keyed        int64             // rows under keys of chains
	Met          tally
	Errors       []string
}

// tally counts what the histories hold.
type tally map[string]int

func (t tally) add(other tally) {
	for what, n := range other {
		t[what] += n
	}
}

// hangs is a time in which every build here ends by far: one that takes longer never would.
const hangs = time.Minute

// carryOut builds in this process. tell is told of what was executed, one at a time.
func (o *order) carryOut(ctx context.Context, store *forgetful, tell func(executed)) report {
	ctx, cancel := context.WithTimeout(ctx, hangs)
	defer cancel()
	out := report{Values: map[string]string{}}
	failed := func(doing string, err error) {
		if err != nil {
			out.Errors = append(out.Errors, doing+": "+err.Error())
		}
	}
	run := o.runner(func(err error) { failed("edit a source", err) })
	options := o.options()
	durable := store.recorded.since()
	options.Observer = observer{func(d executor.NodeDone) {
		if d.Failure == nil && d.Outcome != executor.Fresh && !durable(d.Node) {
			failed("tell of "+d.Node, errors.New("its record is not durable"))
		}
		if d.Failure == nil && d.Outcome != executor.Executed {
			return
		}
		x := executed{Node: d.Node, Saw: run.sawBy(d.Node), Kind: d.Reason.Kind, Reason: fmt.Sprint(d.Reason), Edited: run.isEdited(), Started: d.Started}
		if d.Failure != nil {
			x.Failure = d.Failure.Message
		}
		tell(x)
	}}
	e := o.engine(run, store)
	asked, keyed := store.asked.Load(), store.keyed.Load()
	sum, err := e.Build(ctx, options)
	out.Asked, out.Keyed = store.asked.Load()-asked, store.keyed.Load()-keyed
	if ctx.Err() != nil {
		err = errors.New("it hangs")
	}
	failed("build", err)
	failed("close", e.Close())
	out.OK, out.Moved, out.Steps, out.NothingMoved = sum.OK, sum.Moved, sum.Executed+sum.Cached+sum.Fresh, sum.NothingMoved
	out.Cached = sum.Cached
	out.Edited, out.Met = run.edited, run.met
	for i, v := range sum.Values {
		text, err := textOf(ctx, store, v)
		failed("get "+o.Targets[i], err)
		out.Values[o.Targets[i]] = text
	}
	return out
}

func textOf(ctx context.Context, store cas.Store, v executor.TargetValue) (string, error) {
	switch {
	case v.Path != "":
		return "", nil // it is compared as an output
	case v.Inline != nil:
		return string(v.Inline), nil
	}
	found, err := store.Get(ctx, v.Value.Digest)
	if err != nil {
		return "", err
	}
	return string(found[0]), nil
}

func (o *order) runner(failed func(error)) *runner {
	r := &runner{root: o.Root, code: o.Code, saw: map[string]string{}, met: tally{}}
	if o.Python {
		r.python = host.New(host.Options{})
	}
	if o.Edit != nil {
		r.onMoment = func(moment int, read string) {
			if r.edited != "" || moment < o.Edit.At || cmp.Or(o.Edit.Path, read) == "" {
				return
			}
			r.edited = cmp.Or(o.Edit.Path, read)
			failed(os.WriteFile(filepath.Join(o.Root, r.edited), []byte(o.Edit.Text), 0o777))
		}
	}
	return r
}

func (o *order) options() executor.Options {
	return executor.Options{
		Targets: o.Targets, Jobs: o.Jobs, KeepGoing: o.KeepGoing, Values: o.Values, Verbose: o.Verbose,
		Force: o.Force, ForceAll: o.ForceAll, Set: o.Set,
	}
}

// observer hears of ended nodes.
type observer struct{ done func(executor.NodeDone) }

func (o observer) Event(e executor.Event) {
	if d, ok := e.(executor.NodeDone); ok {
		o.done(d)
	}
}

// engine makes a fresh engine, as each command does.
func (o *order) engine(r *runner, store cas.Store) *executor.Engine {
	values := map[string]any{}
	for name, v := range o.State {
		values[name] = v
	}
	c := executor.Config{
		Root: o.Root, Calyxfile: "Calyxfile", Instance: o.Instance, CacheDir: cacheOf(o.Root), Version: "test", Environ: os.Environ(), Coerce: state.Coerce,
		Store:  func(context.Context) (cas.Store, error) { return store, nil },
		Runner: func() (executor.Runner, error) { return r, nil },
		Stored: func(string, string) (map[string]any, error) { return values, nil },
		Print:  func(string) {},
		Now:    func() time.Time { return time.Now().Add(o.Ahead) },
	}
	if o.Watched {
		c.Watch = func() error { return nil }
	}
	return executor.New(c)
}

func cacheOf(root string) string { return filepath.Join(root, ".calyx", "cache") }
