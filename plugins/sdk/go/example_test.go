package calyx_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	calyx "github.com/calyx-build/calyx/plugins/sdk/go"
)

// CountArgs are the parameters of "count": `step("words", run = search.count, args = dict(corpus = docs))`.
type CountArgs struct {
	Corpus calyx.Dir `doc:"the folder to count in"`
	Least  int       `default:"2" doc:"rarer words are left out"`
}

// count reads the folder that it was given.
func count(call *calyx.Call, a CountArgs) (map[string]int, error) {
	files, err := filepath.Glob(filepath.Join(a.Corpus.Path, "*.txt"))
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, word := range strings.Fields(string(text)) {
			counts[word]++
		}
		call.Progress(float64(i+1), float64(len(files)), "files")
	}
	for word, n := range counts {
		if n < a.Least {
			delete(counts, word)
		}
	}
	call.Metric("words", float64(len(counts)), "")
	return counts, nil
}

// report asks for what it needs as it runs. Each answer is a dependency.
func report(call *calyx.Call, _ struct{}) (string, error) {
	if there, err := call.Exists("overrides.txt"); err != nil || there {
		return "overridden", err // the rest was not asked for, so it is no dependency
	}
	both, err := call.NeedAll(call.Node("words"), call.Node("words", calyx.Args{"least": 5}))
	var failed *calyx.NeedError
	switch {
	case errors.As(err, &failed):
		return "", calyx.Retryable(err, time.Second)
	case err != nil:
		return "", err
	}
	all, err := calyx.As[map[string]int](both[0])
	if err != nil {
		return "", err
	}
	frequent, err := call.Node("words", calyx.Args{"least": 50}).Len() // of this node only the length counts
	return fmt.Sprintf("%d words, %d of them frequent", len(all), frequent), err
}

func Example() {
	p := calyx.NewPlugin("search", "1.0")
	calyx.Func(p, "count", count, calyx.Doc("Counts the words of a folder."))
	calyx.Func(p, "report", report, calyx.Alone())
	p.Serve()
}
