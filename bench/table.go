package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// row compares the subject with one peer, or with an absolute limit.
type row struct {
	Work    string  `json:"work"`
	Unit    string  `json:"unit"`
	Subject float64 `json:"calyx"`
	Peer    string  `json:"peer,omitempty"`
	Other   float64 `json:"other,omitempty"`
	Ratio   float64 `json:"ratio,omitempty"`  // the median of the rounds'
	Spread  *spread `json:"spread,omitempty"` // of the ratio, over the rounds
	Limit   *limit  `json:"limit,omitempty"`
	Verdict string  `json:"verdict"`
}

// spread is the least and the most that was measured of something.
type spread struct {
	Least float64 `json:"least"`
	Most  float64 `json:"most"`
}

// limit is what must hold of a row.
type limit struct {
	Of    quantity `json:"of"`
	Least bool     `json:"least,omitempty"` // Value is the least that is right, not the most
	Value float64  `json:"value"`
}

// only is the limit where size is the one that it was set for; elsewhere nothing must hold.
func (l limit) only(size, meant int) *limit {
	if size != meant {
		return nil
	}
	return &l
}

// against names the peer that a limit is about.
func (l *limit) against(peer string) map[string]limit {
	if l == nil {
		return nil
	}
	return map[string]limit{peer: *l}
}

// quantity is what a limit is about.
type quantity string

const (
	ofRatio   quantity = "ratio"      // the subject's figure over the peer's
	ofSpeed   quantity = "speed"      // the peer's time over the subject's
	ofFigure  quantity = "figure"     // the subject's figure alone
	ofSurplus quantity = "difference" // the subject's figure less the peer's
)

// judge fills in the ratio, where there were no rounds, and the verdict.
func (r row) judge() row {
	if r.Ratio == 0 && r.Other > 0 {
		r.Ratio = r.Subject / r.Other
	}
	if r.Limit == nil {
		r.Verdict = "-"
		return r
	}
	r.Verdict = "over"
	if r.Limit.holds(r.value(r.Ratio)) {
		r.Verdict = "ok"
	}
	if r.undecided() {
		r.Verdict += ", undecided"
	}
	return r
}

// value is what the limit is about, where the subject's figure is ratio times the peer's.
func (r row) value(ratio float64) float64 {
	switch r.Limit.Of {
	case ofRatio:
		return ratio
	case ofSpeed:
		return 1 / ratio
	case ofSurplus:
		return r.Subject - r.Other
	default:
		return r.Subject
	}
}

func (l limit) holds(value float64) bool {
	if l.Least {
		return value >= l.Value
	}
	return value <= l.Value
}

// undecided reports whether some rounds kept the limit and others did not: the machine was too noisy for it.
func (r row) undecided() bool {
	return r.Spread != nil && r.Limit.holds(r.value(r.Spread.Least)) != r.Limit.holds(r.value(r.Spread.Most))
}

// ratios are the subject's times over the peer's, round by round, in ascending order.
func ratios(subject, peer series) []float64 {
	all := make([]float64, min(len(subject.samples), len(peer.samples)))
	for i := range all {
		all[i] = subject.samples[i].wall.Seconds() / peer.samples[i].wall.Seconds()
	}
	slices.Sort(all)
	return all
}

// compare makes the rows of one piece of work: the first series is the subject's, the others are the peers'. figure
// takes the number to compare out of a series; limits holds what must hold against a peer, by its name.
func compare(work, unit string, all []series, absent []string, figure func(series) float64, limits map[string]limit) []row {
	subject := all[0]
	var rows []row
	for _, peer := range all[1:] {
		r := row{Work: work, Unit: unit, Subject: figure(subject), Peer: peer.name, Other: figure(peer)}
		if l, ok := limits[peer.name]; ok {
			r.Limit = &l
		}
		if all := ratios(subject, peer); unit != "MB" && len(all) > 1 {
			r.Ratio, r.Spread = middle(all), &spread{all[0], all[len(all)-1]}
		}
		rows = append(rows, r.orFailed(subject, peer))
	}
	for _, name := range absent {
		rows = append(rows, row{Work: work, Unit: unit, Subject: figure(subject), Peer: name, Verdict: "not installed"})
	}
	return rows
}

// orFailed judges the row, or says which of the series that it stands on failed.
func (r row) orFailed(all ...series) row {
	for _, s := range all {
		if s.err != nil {
			r.Verdict = fmt.Sprintf("%s failed: %v", s.name, s.err)
			return r
		}
	}
	return r.judge()
}

// failed is the row of work that could not be prepared.
func failed(work string, err error) []row {
	return []row{{Work: work, Verdict: fmt.Sprintf("failed: %v", err)}}
}

func writeJSON(w io.Writer, rows []row) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(rows)
}

func writeTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "work\tcalyx\tpeer\t\tratio\trounds\tlimit\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Work,
			amount(r.Subject, r.Unit), r.Peer, amount(r.Other, r.Unit), amount(r.Ratio, ""), r.Spread, r.limit(), oneLine(r.Verdict))
	}
	return t.Flush()
}

// String is empty for a spread that there is not.
func (s *spread) String() string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("%.2g–%.2g", s.Least, s.Most)
}

// amount prints a figure with three digits; nothing for one that there is not.
func amount(x float64, unit string) string {
	switch {
	case x == 0:
		return ""
	case x >= 100:
		return strings.TrimSpace(fmt.Sprintf("%.0f %s", x, unit))
	default:
		return strings.TrimSpace(fmt.Sprintf("%.3g %s", x, unit))
	}
}

func (r row) limit() string {
	if r.Limit == nil {
		return ""
	}
	sense := "≤"
	if r.Limit.Least {
		sense = "≥"
	}
	switch r.Limit.Of {
	case ofSpeed:
		return fmt.Sprintf("speed %s %g", sense, r.Limit.Value)
	case ofFigure:
		return fmt.Sprintf("%s %g %s", sense, r.Limit.Value, r.Unit)
	case ofSurplus:
		return fmt.Sprintf("%s %g %s above", sense, r.Limit.Value, r.Unit)
	default:
		return fmt.Sprintf("%s %g", sense, r.Limit.Value)
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
