package executor

import (
	"encoding/json"
	"os"
	"sync/atomic"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/calyxfile"
	"github.com/calyx-build/calyx/graph/state"
)

// Program is a plugin that runs already and asks for its own nodes. It has said what it offers, so that nobody describes it. In
// a graph it is the plugin without a command. Several engines may serve one.
type Program struct {
	description *Description
	offered     *graph.Offer
	text        []byte // of the description
	kept        atomic.Bool
}

// NewProgram returns the program of a description.
func NewProgram(d *Description) (*Program, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	offered, err := d.offer()
	return &Program{description: d, offered: offered, text: text}, err
}

// Functions are those of the program.
func (p *Program) Functions() []FunctionDescription { return p.description.Functions }

// graph is what the program declares, beside what the project's Calyxfile says.
func (p *Program) graph(project *graph.Graph) (*graph.Graph, error) {
	declared, err := calyxfile.Alone(p.description.Name, p.offered, project.Declarations())
	if err != nil {
		return nil, err
	}
	return openGraph(declared)
}

func openGraph(d *graph.Declarations) (*graph.Graph, error) {
	encoded, err := graph.Encode(d, nil)
	if err != nil {
		return nil, err
	}
	return graph.Open(encoded)
}

// emptyGraph is that of a workspace without a Calyxfile.
func emptyGraph() (*graph.Graph, error) {
	return openGraph(&graph.Declarations{Workspace: graph.Workspace{State: state.Default}})
}

func (e *Engine) hasCalyxfile() bool {
	_, err := os.Stat(e.abs(e.cfg.Calyxfile))
	return !isAbsent(err)
}

// Renew has an engine that serves a program look at the world again, as a new one would: at the environment, at what is set, at
// what the Calyxfile and its plugins say. What it knows of files and of the store stays. A new program takes the place of the
// last one, whose session is closed.
func (e *Engine) Renew(p *Program, environ []string) error {
	e.environ = newEnviron(environ)
	e.roots.home = e.home()
	e.set, e.state, e.offered, e.doubted = nil, nil, nil, true
	if p == e.cfg.Program {
		return nil
	}
	e.cfg.Program, e.graph = p, nil
	return e.dropRunner()
}

// isProgram reports whether a plugin is the program that asks.
func (l *loop) isProgram(n *node) bool { return len(l.pluginDecl(n).Cmd) == 0 }

// programReady gives the description of the program, which is there.
func (l *loop) programReady(n *node) {
	p := l.e.cfg.Program
	n.take(jsonValue(p.text))
	n.storeInline(p.text)
	l.describing.Lock()
	l.described[n] = p.description
	l.describing.Unlock()
	n.to(done)
	l.ended(n)
}

// keepProgram keeps the description with the first result that rests on it, so that it can be told later what changed.
func (a *attempt) keepProgram(txn *cas.Txn) {
	p := a.l.e.cfg.Program
	if p != nil && a.n.call && !p.kept.Swap(true) {
		txn.Blobs = append(txn.Blobs, p.text)
	}
}
