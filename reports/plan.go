package reports

import (
	"slices"
	"strings"
)

// PlanNode is one node of a build that is to be predicted. Nodes that take no time (inputs, what is reused) may be among
// them; they only pass on who waits for whom.
type PlanNode struct {
	Name    string
	Seconds float64 // where Known
	Known   bool    // false: it never ran, and Seconds is to be estimated
	Deps    []int   // numbers of the nodes that it waits for
	Pool    string
	Mem     int64 // bytes
}

// Path is a chain of nodes with the time that each contributes.
type Path struct {
	Seconds float64    `json:"seconds"`
	Nodes   []PathNode `json:"nodes"`
}

// PathNode is a node on a path.
type PathNode struct {
	Node    string  `json:"node"`
	Seconds float64 `json:"seconds"`
}

// Plan is the prediction of a build; as JSON it is what `plan --json` prints.
type Plan struct {
	Workers int `json:"workers"`
	Prediction
	CriticalPath Path       `json:"critical_path"`
	Stages       [][]string `json:"stages"`  // of the nodes that take time
	Unknown      []string   `json:"unknown"` // never ran, so estimated
	// SerialSeconds is the time of all nodes one after the other.
	SerialSeconds float64 `json:"serial_seconds"`
	// ByWorkers predicts for 1, 2, 4, … workers, up to where more of them change nothing.
	ByWorkers []WorkersPrediction `json:"by_workers"`
}

// Prediction is what a number of workers makes of a plan.
type Prediction struct {
	PredictedSeconds float64 `json:"predicted_seconds"`
	PredictedSpeedup float64 `json:"predicted_speedup"` // over one worker without pools
	// AmdahlSpeedup is what no schedule can exceed (G. M. Amdahl, 1967): 1 / (s + (1-s)/workers), where s is the share of
	// all time in that part of the critical path beside which nothing else can run.
	AmdahlSpeedup float64 `json:"amdahl_speedup"`
}

// WorkersPrediction is a row of a plan's table.
type WorkersPrediction struct {
	Workers int `json:"workers"`
	Prediction
}

// NewPlan predicts a build of the nodes on the machine, by simulating the executor's scheduler. The error names a cycle.
func NewPlan(nodes []PlanNode, m Machine) (*Plan, error) {
	nodes = slices.Clone(nodes)
	p := &Plan{Workers: max(1, m.Workers), Unknown: estimate(nodes)}
	g, err := newDAG(nodes)
	if err != nil {
		return nil, err
	}
	seconds := g.seconds()
	for _, s := range seconds {
		p.SerialSeconds += s
	}
	forecast := forecaster{g: g, seconds: seconds, rank: g.rank(seconds), total: p.SerialSeconds, serial: g.serial(seconds)}
	p.Prediction = forecast.on(m)
	p.CriticalPath = g.longest(seconds)
	p.Stages = g.stages(seconds)
	p.ByWorkers = forecast.table(m)
	return p, nil
}

// forecaster predicts one graph on several machines.
type forecaster struct {
	g             *dag
	seconds       []float64
	rank          []int
	total, serial float64
}

func (f *forecaster) on(m Machine) Prediction {
	p := Prediction{PredictedSeconds: f.g.simulate(f.seconds, f.rank, m), PredictedSpeedup: 1, AmdahlSpeedup: 1}
	if f.total > 0 {
		p.PredictedSpeedup = f.total / p.PredictedSeconds
		p.AmdahlSpeedup = f.total / (f.serial + (f.total-f.serial)/float64(max(1, m.Workers)))
	}
	return p
}

// maxWorkers ends the table of a graph that many workers would still make faster.
const maxWorkers = 1024

func (f *forecaster) table(m Machine) []WorkersPrediction {
	var table []WorkersPrediction
	for m.Workers = 1; m.Workers <= maxWorkers; m.Workers *= 2 {
		table = append(table, WorkersPrediction{m.Workers, f.on(m)})
		if m.Workers >= len(f.seconds) {
			break
		}
	}
	for last := len(table) - 1; last > 0 && table[last].PredictedSeconds >= table[last-1].PredictedSeconds; last-- {
		table = table[:last]
	}
	return table
}

// unknownSeconds stands for the time of a node where no node's time is known.
const unknownSeconds = 1

// estimate gives the nodes that never ran a time: the median of their step's other nodes, else of all nodes, else a second
// each. It returns their names.
func estimate(nodes []PlanNode) (unknown []string) {
	unknown = []string{}
	var all []float64
	families := map[string][]float64{}
	for _, n := range nodes {
		if n.Known && n.Seconds > 0 {
			all = append(all, n.Seconds)
			families[family(n.Name)] = append(families[family(n.Name)], n.Seconds)
		}
	}
	medians := map[string]float64{}
	for name, seconds := range families {
		medians[name] = median(seconds)
	}
	overall := float64(unknownSeconds)
	if len(all) > 0 {
		overall = median(all)
	}
	for i := range nodes {
		n := &nodes[i]
		if n.Known {
			continue
		}
		unknown = append(unknown, n.Name)
		n.Seconds = overall
		if m, ok := medians[family(n.Name)]; ok {
			n.Seconds = m
		}
	}
	return unknown
}

// family is the declaration that a node with arguments comes from.
func family(node string) string {
	name, _, _ := strings.Cut(node, "(")
	return name
}

func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
