// Command words is the Go plugin of the example: it counts the names in Python sources.
package main

import (
	"os"

	calyx "github.com/calyx-build/calyx/plugins/sdk/go"
)

func main() {
	p := calyx.NewPlugin("words", "1.0")
	calyx.Func(p, "names", names, calyx.Doc("Counts the names in Python sources."))
	p.Serve()
}

type namesArgs struct {
	Files []calyx.File `doc:"the sources of a package"`
}

func names(call *calyx.Call, a namesArgs) (map[string]int, error) {
	counts := map[string]int{}
	for _, file := range a.Files {
		source, err := os.ReadFile(file.Path)
		if err != nil {
			return nil, err
		}
		count(source, counts)
	}
	call.Metric("names", float64(len(counts)), "")
	return counts, nil
}
