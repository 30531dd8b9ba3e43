package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	calyx "github.com/calyx-build/calyx/plugins/sdk/go"
)

type relatedArgs struct {
	Package string `doc:"the package to explain"`
	Index   string `doc:"the neighbours of all packages"`
	Words   int    `default:"8" doc:"how many common words to show"`
}

// related tells which words a package has in common with each of its neighbours. Only the words of these packages are
// asked for, so an edit of any other one does not lead here.
func related(call *calyx.Call, a relatedArgs) (calyx.Value, error) {
	names := neighboursOf(a.Package, a.Index)
	if names == nil {
		return calyx.Value{}, fmt.Errorf("the index has no package %q", a.Package)
	}
	terms, err := calyx.Need[[]term](call, "vocabulary")
	if err != nil {
		return calyx.Value{}, err
	}
	asked := []*calyx.Node{call.Node("words." + a.Package)}
	for _, name := range names {
		asked = append(asked, call.Node("words."+name))
	}
	values, err := call.NeedAll(asked...)
	if err != nil {
		return calyx.Value{}, err
	}
	counts := make([]map[string]int, len(values))
	for i, v := range values {
		if counts[i], err = calyx.As[map[string]int](v); err != nil {
			return calyx.Value{}, err
		}
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "Packages like %s, and what they have in common\n", a.Package)
	for i, name := range names {
		fmt.Fprintf(&text, "%-22s %s\n", name, strings.Join(common(counts[0], counts[i+1], terms, a.Words), " "))
	}
	return calyx.BytesResult(text.Bytes(), "text/plain; charset=utf-8"), nil
}

// neighboursOf reads the lines of the index about a package.
func neighboursOf(name, index string) []string {
	var names []string
	for line := range strings.Lines(index) {
		if fields := strings.Split(line, "\t"); len(fields) == 3 && fields[0] == name {
			names = append(names, fields[1])
		}
	}
	return names
}

// common returns the words that weigh most in both of two packages.
func common(x, y map[string]int, terms []term, most int) []string {
	weight := map[string]float64{}
	var words []string
	for _, t := range terms {
		if n := min(x[t.Word], y[t.Word]); n > 0 {
			words, weight[t.Word] = append(words, t.Word), float64(n)*t.Weight
		}
	}
	slices.SortFunc(words, func(a, b string) int {
		return cmp.Or(cmp.Compare(weight[b], weight[a]), cmp.Compare(a, b))
	})
	return words[:min(len(words), most)]
}
