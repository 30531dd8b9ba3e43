// Command gosearch is the plugin of the example: it makes a search index of Go packages.
package main

import calyx "github.com/calyx-build/calyx/plugins/sdk/go"

func main() {
	p := calyx.NewPlugin("gosearch", "1.0")
	calyx.Func(p, "tokenize", tokenize, calyx.Doc("Counts the words of source files."))
	calyx.Func(p, "vocabulary", vocabulary, calyx.Doc("Chooses the words that tell documents apart."))
	calyx.Func(p, "vector", vector, calyx.Doc("Makes a TF-IDF vector of a document, as .npy."))
	calyx.Func(p, "index", index, calyx.Doc("Finds the nearest neighbours of each vector."))
	calyx.Func(p, "related", related, calyx.Doc("Tells what a package shares with its neighbours."))
	p.Serve()
}
