package calyxfile

import "github.com/calyx-build/calyx/graph"

// Alone returns what a plugin without a command declares where no Calyxfile uses it. The project's Calyxfile says beside what
// such a plugin cannot: its own inputs replace the plugin's of their names, and its pools and settings are those of all.
// Errors are Errors.
func Alone(name string, offered *graph.Offer, project *graph.Declarations) (*graph.Declarations, error) {
	e := newEvaluation(Options{Path: name})
	e.seedMarks([]byte(name))
	at := graph.Pos{File: name}
	e.settings = &settings{call: call{e: e, kind: "workspace", pos: at}, Workspace: project.Workspace}
	for i := range project.Pools {
		e.poolNames[project.Pools[i].Name] = &project.Pools[i]
		e.pools = append(e.pools, &project.Pools[i])
	}
	p := &declaredPlugin{call: call{e: e, kind: "plugin", name: name, pos: at}, Plugin: graph.Plugin{Name: name, Pos: at}}
	e.pluginNames[name], e.plugins = p, []*declaredPlugin{p}
	own := map[string]*graph.Node{}
	for _, n := range project.Nodes {
		if n.Stored != nil && !n.Stored.Offered {
			own[n.Name] = n
		}
	}
	for _, s := range offered.Stored {
		if n := own[s.Name]; n != nil {
			e.byName[n.Name] = &declared{Node: n}
			e.nodes = append(e.nodes, e.byName[n.Name])
		}
	}
	e.newUse(call{e: e, kind: "use", number: 1, pos: at}, p).declareAll(offered)
	declarations := e.link()
	if e.failed() {
		return nil, e.sorted()
	}
	return declarations, nil
}
