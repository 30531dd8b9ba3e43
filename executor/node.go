package executor

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// node is a vertex in one build. The loop's goroutine owns it, except while it is looked up or run: then the worker that
// has it may set what the loop will read when the worker's message arrives.
type node struct {
	name     string
	kind     nodeKind
	call     bool                       // executed by a function of a plugin
	uncached bool                       // its result is never used again
	held     atomic.Pointer[graph.Node] // see decl; nil for a plugin
	from     *graph.Graph               // where the declaration is read again; nil: it is always held
	owned    []graph.Output             // that the declaration names
	args     hashing.Map                // given by a call, over those of the declaration
	index    int                        // in the graph; -1 for plugins and nodes with arguments
	state    nodeState
	// declared is true once deps, after and leaves are filled.
	declared bool

	deps   []*node // declared inputs, each once, in order
	after  []*node
	leaves []*leaf // files and programs that count
	waits  []*wait // what it waits for now
	wanted []*wait // who waits for it

	act      *action // while it is looked up and executed
	value    trace.Value
	inlineMu sync.Mutex
	inline   []byte // the content of a small JSON value
	// observed are the dependencies that emerged; leaves and nodes.
	observed       []*node
	observedLeaves []*leaf
	key            hashing.Digest
	outcome        NodeOutcome
	chain          []graph.Reason         // why it is executed or reused, down to the root; nil where it is fresh
	earlier        []trace.RecordedReason // the same, as recorded, where it is fresh; once record is let go
	failure        *Failure
	blockedBy      []string
	record         *trace.NodeRecord
	target         bool
	revivals       int  // how often inputs of it were found to be lost
	lost           bool // a blob of its value is gone: nothing that stands under its key may be used
	unrecorded     bool // its result saw a failure or a moved input: it stays dirty
	dirty          dirtiness
	priority       float32 // seconds of the longest chain of work that begins with it; 0: not computed
	doneAt         time.Time
	expires        time.Time // when its result becomes too old; zero: never
	vouched        bool      // fresh by the baseline
	told           bool      // the observer knows of it
}

// dirtiness is what a survey finds.
type dirtiness uint8

const (
	clean   dirtiness = iota
	mayRun            // something that it depends on will run
	willRun           // its own key differs or nothing is recorded
)

// action is a node with everything that it declares pinned, and what is known under its key.
type action struct {
	components []trace.Component
	seesFailed bool
	entry      *trace.Entry
	raw        []byte    // the row of entry, as read
	lookedUp   time.Time // before that was read
	check      *check
	stages     []trace.Stage // as observed, of the trace that fits or that is being made
	result     trace.Result
	tries      int
	outputs    outputCheck
	wrongPath  string     // an output that is not right
	err        error      // why no key can be computed
	lease      *cas.Lease // came with the look-up; nil: none did
}

// takeLease returns the lease that came with the look-up, once.
func (a *action) takeLease() *cas.Lease {
	lease := a.lease
	a.lease = nil
	return lease
}

// outputCheck says how the outputs of a reused node stand in the workspace.
type outputCheck uint8

const (
	outputsUnknown outputCheck = iota
	outputsRight
	outputsEqual // right, and never recorded: they are adopted
	outputsMissing
	outputsEdited
	outputsLost // the cache no longer says what they should hold
)

// wait is a set of things of which a node waits for all.
type wait struct {
	owner *node
	on    []*node
	left  int
	then  func()
	// early, where it is not nil, may be called instead of then with the answer that the only node gives, before that is
	// recorded.
	early func(from *attempt, ans Answer)
	off   bool // given up: then is not called
}

type nodeKind uint8

const (
	pluginNode nodeKind = iota // the description of a plugin: no Calyxfile declares it
	stepNode                   // derived by executing something
	storedNode
	listNode
)

// newNode returns a node that holds its declaration.
func newNode(name string, decl *graph.Node) *node {
	n := &node{name: name, index: -1}
	n.held.Store(decl)
	switch {
	case decl.Step != nil:
		n.kind, n.call, n.uncached, n.owned = stepNode, decl.Step.Call != nil, decl.Step.NoCache, decl.Step.Outs
	case decl.Stored != nil:
		n.kind = storedNode
	default:
		n.kind = listNode
	}
	return n
}

// decl is what a Calyxfile declares of the node; a plugin has none. In a large graph nearly all steps wait or are done: theirs are
// read again where somebody asks.
func (n *node) decl() *graph.Node {
	if d := n.held.Load(); d != nil || n.from == nil {
		return d
	}
	return n.from.Node(n.index)
}

// hold keeps the declaration at hand: much will be asked of it.
func (n *node) hold() *graph.Node {
	d := n.decl()
	n.held.Store(d)
	return d
}

// letGo undoes hold, where the declaration can be read again.
func (n *node) letGo() {
	if n.from != nil {
		n.held.Store(nil)
	}
}

func (n *node) isStep() bool   { return n.kind == stepNode }
func (n *node) isStored() bool { return n.kind == storedNode }
func (n *node) isList() bool   { return n.kind == listNode }
func (n *node) isPlugin() bool { return n.kind == pluginNode }

// isCall reports whether the node is executed by a function of a plugin, or is a plugin's description.
func (n *node) isCall() bool { return n.isPlugin() || n.call }

// reason is the first link of the chain.
func (n *node) reason() graph.Reason {
	if len(n.chain) == 0 {
		return graph.Reason{}
	}
	return n.chain[0]
}

// take gives the node a value. One that is made again, because the cache lost it, is being read by workers meanwhile: the
// same value is no change.
func (n *node) take(v trace.Value) {
	if n.value != v {
		n.value = v
	}
}

// outs are the files and folders that the node owns.
func (n *node) outs() []graph.Output {
	if n.isStep() && len(n.args) == 0 {
		return n.owned
	}
	return nil
}
