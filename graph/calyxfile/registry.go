package calyxfile

import (
	"fmt"

	"github.com/calyx-build/calyx/graph"
)

// registry holds what was declared so far, by name and in order.
type registry struct {
	nodes   []*declared
	byName  map[string]*declared
	plugins []*declaredPlugin
	pools   []*graph.Pool
	// pluginNames and poolNames find the elements of plugins and pools.
	pluginNames map[string]*declaredPlugin
	poolNames   map[string]*graph.Pool
	// settings is the one call of workspace(), nil before it.
	settings *settings
	defaults []pendingRef
	// used is what use() returned, by plugin.
	used map[string]*using
}

// declared is a node, and what is kept of its declaration until all names are known.
type declared struct {
	*graph.Node
	spec  *stepSpec // of a step; shared by the steps of a matrix
	offer *offer    // of what a plugin declares
	bad   bool      // its declaration has errors: no further ones about what it lacks
	color color     // for the search for cycles
}

func newRegistry() registry {
	return registry{
		byName:      map[string]*declared{},
		pluginNames: map[string]*declaredPlugin{},
		poolNames:   map[string]*graph.Pool{},
		used:        map[string]*using{},
	}
}

// String names the node with its kind, for messages.
func (d *declared) String() string {
	switch {
	case d.bad && d.Name == "":
		return "a node without a name"
	case d.Stored != nil:
		return fmt.Sprintf("stored %q", d.Name)
	case d.Step != nil:
		return fmt.Sprintf("step %q", d.Name)
	}
	return fmt.Sprintf("matrix %q", d.Name)
}

func (d *declared) outputNames() []string {
	names := make([]string, len(d.Step.Outs))
	for i, o := range d.Step.Outs {
		names[i] = o.Name
	}
	return names
}

// maxNodes bounds how many nodes there may be.
const maxNodes = 1_000_000

// declare enters a node under its name, or reports why it cannot have the name.
func (c *call) declare(d *declared) {
	if other, ok := c.e.byName[d.Name]; ok {
		if other.Stored != nil && d.Stored != nil && (other.offer == nil) != (d.offer == nil) {
			c.replaceOffer(other, d)
			return
		}
		c.fail("name", "the name %q is taken by %s at %s", d.Name, other, other.Pos)
		d.bad = true
		return
	}
	if len(c.e.nodes) == maxNodes {
		c.e.stop(fmt.Sprintf("the evaluation does not come to an end: it was stopped after %d nodes", maxNodes))
		d.bad = true
		return
	}
	c.e.byName[d.Name] = d
	c.e.nodes = append(c.e.nodes, d)
	c.e.earned.Add(nodeHeap)
}

// pendingRef is a reference by name, to be looked up when everything is declared.
type pendingRef struct {
	call *call
	ref  graph.Ref
}
