// Package calyxfile evaluates a Calyxfile, a program in Starlark, into the declarations of a graph, or into errors with
// positions. It knows no engine: whatever it reads, it reads through a Source.
package calyxfile

import "github.com/calyx-build/calyx/graph"

// Source is what an evaluation can see of the world. Whoever implements it can record what was read, and by that decide
// later whether another evaluation would see the same. Paths are relative to the workspace, clean, with forward slashes,
// or absolute outside it. One evaluation calls the methods one after the other.
type Source interface {
	// ReadFile returns a file's content. Of a file of more than limit bytes, limit+1 bytes are enough.
	ReadFile(path string, limit int64) ([]byte, error)
	// Glob returns the sorted paths of the files that match a doublestar pattern and none of exclude.
	Glob(pattern string, exclude []string) ([]string, error)
	// Env returns a variable of the user's environment.
	Env(name string) (string, bool)
	// Stored returns the effective value of a stored node, as a graph.Literal holds it.
	Stored(name string, decl graph.Stored) (any, error)
	// Describe returns what a plugin declares. The error is a *PluginError, or says what is wrong with
	// the user's files.
	Describe(p graph.Plugin) (*graph.Offer, error)
	// Print takes what the Calyxfile prints.
	Print(pos graph.Pos, text string)
}

// PluginError is the error of Describe where the plugin, and not the Calyxfile, is at fault.
type PluginError struct {
	Text string // what the plugin did instead, perhaps in several lines
}

func (e *PluginError) Error() string { return e.Text }

// Options says what to evaluate.
type Options struct {
	Path   string // the Calyxfile, relative to the workspace
	Root   string // the workspace's folder, absolute; only used to recognise absolute paths that lead into it
	Source Source
}
