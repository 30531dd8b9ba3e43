package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/reports"
)

// statsAnswer is the answer of `calyx stats --json`.
type statsAnswer struct {
	TotalNodes         int     `json:"total_nodes"`
	StoredNodes        int     `json:"stored_nodes"`
	DerivedNodes       int     `json:"derived_nodes"`
	InvalidNodes       int     `json:"invalid_nodes"`
	FailedNodes        int     `json:"failed_nodes"`
	TotalComputes      int     `json:"total_computes"`
	AvgComputesPerNode float64 `json:"avg_computes_per_node"`
	TotalSeconds       float64 `json:"total_seconds"` // of the last execution of each node
	Runs               int     `json:"runs"`
	HitRate            float64 `json:"hit_rate"`       // of all outcomes of all remembered runs
	CacheHitRate       float64 `json:"cache_hit_rate"` // of those that were not fresh
	Blobs              int64   `json:"blobs"`
	BlobBytes          int64   `json:"blob_bytes"`
	StoredBytes        int64   `json:"stored_bytes"`
}

func newStats(a *app) *cobra.Command {
	var f *format
	c := newCommand(&cobra.Command{
		Use:     "stats",
		Short:   "Count nodes, executions, hits and bytes",
		Example: "calyx stats\ncalyx stats --json",
		Args:    wantArgs(0, 0),
		RunE: runner(func(ctx context.Context, _ []string) error {
			return a.within(ctx, func(ctx context.Context, s *session) error {
				stats, err := a.stats(ctx, s)
				if err != nil {
					return err
				}
				if f.json {
					return a.printJSON(stats)
				}
				return a.print(statsText(stats))
			})
		}).run,
	})
	f = formatFlags(c, "text")
	return c
}

func (a *app) stats(ctx context.Context, s *session) (statsAnswer, error) {
	survey, err := a.surveyTargets(ctx, s, everything())
	if err != nil {
		return statsAnswer{}, err
	}
	d, err := s.engine.Graph(ctx)
	if err != nil {
		return statsAnswer{}, err
	}
	records, err := s.engine.Records(ctx)
	if err != nil {
		return statsAnswer{}, err
	}
	store, err := s.store(ctx)
	if err != nil {
		return statsAnswer{}, err
	}
	held, err := store.Stats(ctx)
	if err != nil {
		return statsAnswer{}, err
	}
	stats := countNodes(d, survey, records)
	stats.addCache(held)
	err = stats.addRuns(ctx, s)
	return stats, err
}

// countNodes counts the stored nodes that are declared, whether a step uses them or not, and the derived ones of a survey of all.
func countNodes(d *graph.Declarations, survey *executor.Survey, records map[string]*trace.NodeRecord) statsAnswer {
	var s statsAnswer
	for _, n := range d.Nodes {
		if n.Stored != nil {
			s.StoredNodes++
		}
	}
	for _, f := range survey.Nodes {
		if f.Stored {
			continue
		}
		s.DerivedNodes++
		if f.State != executor.StateFresh {
			s.InvalidNodes++
		}
		if f.State == executor.StateFailed {
			s.FailedNodes++
		}
	}
	s.TotalNodes = s.StoredNodes + s.DerivedNodes
	for name, r := range records {
		if strings.HasPrefix(name, pluginRecord) {
			continue // that a plugin described itself is no node's execution
		}
		s.TotalComputes += r.Executions
		s.TotalSeconds += r.Result.Seconds
	}
	if s.DerivedNodes > 0 {
		s.AvgComputesPerNode = float64(s.TotalComputes) / float64(s.DerivedNodes)
	}
	return s
}

func (s *statsAnswer) addCache(held cas.Stats) {
	s.Blobs, s.BlobBytes, s.StoredBytes = held.Blobs, held.BlobBytes, held.StoredBytes
}

// addRuns counts the runs of the instance that the workspace remembers.
func (s *statsAnswer) addRuns(ctx context.Context, in *session) error {
	p, err := in.past(ctx)
	if err != nil {
		return err
	}
	sum := reports.SumRuns(reports.OfInstance(p.runs, p.scope.Instance))
	s.Runs, s.HitRate, s.CacheHitRate = sum.Runs, sum.HitRate, sum.CacheHitRate
	return nil
}

func statsText(s statsAnswer) string {
	table := console.NewTable("", "")
	row := func(label, format string, args ...any) { table.Row(label, fmt.Sprintf(format, args...)) }
	row("nodes", "%d (%d stored, %d derived)", s.TotalNodes, s.StoredNodes, s.DerivedNodes)
	row("out of date", "%d", s.InvalidNodes)
	row("failed", "%d", s.FailedNodes)
	row("executions", "%d, %.1f a node", s.TotalComputes, s.AvgComputesPerNode)
	row("time of the last executions", "%s", console.Seconds(s.TotalSeconds))
	row("runs", "%d", s.Runs)
	row("hit rate", "%s of all nodes, %s of those that were not fresh", console.Percent(s.HitRate), console.Percent(s.CacheHitRate))
	row("cache", "%s in %s, %s on disk", console.Size(s.BlobBytes), console.Count(int(s.Blobs), "blob"), console.Size(s.StoredBytes))
	return table.String()
}
