// Package graph holds what a Calyxfile declares, what a node is called, and why a node runs.
package graph

import (
	"fmt"
	"time"
)

// Pos is a place in a Calyxfile or a file that it loads; Line and Col count from one.
type Pos struct {
	File string `json:"f,omitempty"`
	Line int    `json:"l,omitempty"`
	Col  int    `json:"c,omitempty"`
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Declarations is everything that one evaluation of a Calyxfile yields. Names in it are unique, references lead to nodes
// that exist, outputs do not overlap, and there is no cycle: whoever makes one has checked it.
type Declarations struct {
	Workspace Workspace `json:"workspace"`
	Nodes     []*Node   `json:"nodes"`
	Pools     []Pool    `json:"pools,omitempty"`
	Plugins   []Plugin  `json:"plugins,omitempty"`
	// Default names what is built when no target is given; empty means every step.
	Default []Ref `json:"default,omitempty"`
}

// Workspace is the project's settings. The defaults for all steps in workspace() are applied to the steps already.
type Workspace struct {
	Name  string `json:"name,omitempty"`
	State string `json:"state,omitempty"` // backend of the stored values, "json:calyx.state.json" where not said
}

// Node is one declaration: exactly one of Stored, Step and List is set.
type Node struct {
	Name   string  `json:"name"`
	Pos    Pos     `json:"pos"`
	Doc    string  `json:"doc,omitempty"`
	Stored *Stored `json:"stored,omitempty"`
	Step   *Step   `json:"step,omitempty"`
	// List is the node of a matrix itself: the list of its steps' values, in order. It may be empty: a matrix over nothing.
	List []Ref `json:"list,omitempty"`
}

// Stored is an authoritative input, with exactly one source: Path, Glob, Env, Params or (none of these) a value.
type Stored struct {
	Path    string   `json:"path,omitempty"`    // a file or a folder, relative to the workspace or absolute
	Glob    string   `json:"glob,omitempty"`    // doublestar pattern
	Exclude []string `json:"exclude,omitempty"` // patterns left out of Glob, or of a folder
	Env     string   `json:"env,omitempty"`     // a variable
	Params  string   `json:"params,omitempty"`  // a YAML, TOML or JSON file …
	Key     []string `json:"key,omitempty"`     // … and the path of one leaf in it
	// Default is the value of a parameter (with Params, the leaf's value when the file was evaluated), or of a variable
	// that is not set. Its type (nil, bool, int64, *big.Int, float64, string, []any, hashing.Map) is the type that `set`
	// accepts.
	Default    Literal `json:"default,omitzero"`
	HasDefault bool    `json:"has_default,omitempty"`
	// Offered is true where a plugin declares it, and not the Calyxfile.
	Offered bool `json:"offered,omitempty"`
}

// Step is one declaration of something derived: exactly one of Call, Cmd and Shell is set, or none of them for a step
// that only orders others.
type Step struct {
	Call *Call  `json:"call,omitempty"`
	Cmd  []Expr `json:"cmd,omitempty"`
	// Shell is a Concat: a constant string in it is text of the shell as it stands, every other item is a value that is
	// quoted where it is put in (of a list of scalars, each as a word of its own).
	Shell *Expr `json:"shell,omitempty"`

	Args   []Arg    `json:"args,omitempty"` // sorted by name
	Outs   []Output `json:"outs,omitempty"`
	Stdout string   `json:"stdout,omitempty"` // the output (also in Outs) that takes what the command prints
	// Deps are further inputs. Literal words of Cmd and Shell that name another step's output are in it already.
	Deps  []Dep    `json:"deps,omitempty"`
	After []string `json:"after,omitempty"`
	// Words are the literal words of Cmd and Shell that could name a file: each counts by the file's content, or by its absence.
	Words []string `json:"words,omitempty"`

	Pool     string            `json:"pool,omitempty"`
	Mem      int64             `json:"mem,omitempty"` // bytes
	Timeout  time.Duration     `json:"timeout,omitempty"`
	Retries  int               `json:"retries,omitempty"`
	TTL      time.Duration     `json:"ttl,omitempty"`
	Env      []EnvVar          `json:"env,omitempty"` // sorted by name
	Secrets  []string          `json:"secrets,omitempty"`
	Wrap     []string          `json:"wrap,omitempty"`
	Resume   string            `json:"resume,omitempty"`
	NoCache  bool              `json:"no_cache,omitempty"` // cache = False
	NoTrace  bool              `json:"no_trace,omitempty"` // trace = False
	Depfile  string            `json:"depfile,omitempty"`  // written by the command: what it read, as make spells it
	Portable bool              `json:"portable,omitempty"`
	Local    bool              `json:"local,omitempty"`
	Platform map[string]string `json:"platform,omitempty"`
	// Open are parameters of the function that have no value: only with arguments for them is the step a node.
	Open []string `json:"open,omitempty"`
	// Whole is true where Args and Open are all the parameters that the function has.
	Whole bool `json:"whole,omitempty"`
	// Matrix is the combination that this step stands for, in declaration order; its node's name spells it.
	Matrix []Arg `json:"matrix,omitempty"`
}

// Call names a function of a plugin.
type Call struct {
	Plugin   string `json:"plugin"`
	Function string `json:"function"`
}

// Arg is a named argument.
type Arg struct {
	Name string `json:"name"`
	Expr Expr   `json:"expr"`
}

// Output is a file or folder that a step owns. Name is the key in a dictionary of outs, else the path as it is written.
type Output struct {
	Name string `json:"name"`
	Path string `json:"path"` // clean; relative to the workspace, or absolute outside it
	Dir  bool   `json:"dir,omitempty"`
}

// Dep is a declared input that no word of the command names: a node, or files of the workspace.
type Dep struct {
	Ref  *Ref   `json:"ref,omitempty"`
	Path string `json:"path,omitempty"` // a file, a folder (with a slash at the end) or a glob
}

// EnvVar is a counted variable: passed from the user's environment, or with a Value of its own.
type EnvVar struct {
	Name  string `json:"name"`
	Value *Expr  `json:"value,omitempty"`
}

// Pool limits how many steps of one kind run at once. Env, where set, is the variable that tells a step its slot.
type Pool struct {
	Name string `json:"name"`
	Size int    `json:"size"`
	Env  string `json:"env,omitempty"`
	Pos  Pos    `json:"pos"`
}

// Plugin is an executable that offers functions. References in Cmd make the plugin itself a product of the graph.
type Plugin struct {
	Name    string   `json:"name"`
	Pos     Pos      `json:"pos"`
	Cmd     []Expr   `json:"cmd"`
	Sources []string `json:"sources,omitempty"` // paths and globs that its code consists of
	Workers int      `json:"workers,omitempty"` // processes at most; 0: one
	Env     []EnvVar `json:"env,omitempty"`
	Secrets []string `json:"secrets,omitempty"`
}

// Ref names a node, and perhaps one part of its value.
type Ref struct {
	Node string `json:"node"`
	// Output, where set, is the Name of one of several outputs.
	Output string `json:"output,omitempty"`
}

// ExprKind tells which fields of an Expr count.
type ExprKind uint8

// The kinds of an Expr.
const (
	Constant   ExprKind = iota // Value
	Reference                  // Ref: the node's value
	OutputPath                 // Text: the path of an output of the step itself
	OutputList                 // every output path of the step, each a word of its own (`{outs}`)
	Concat                     // Items, written one after the other
	ListOf                     // Items
	DictOf                     // Keys and Items, in the order written
)

// Expr is a value, or a word of a command, that may refer to nodes.
type Expr struct {
	Kind  ExprKind `json:"k,omitempty"`
	Value Literal  `json:"v,omitzero"`
	Ref   Ref      `json:"r,omitzero"`
	Text  string   `json:"t,omitempty"`
	Items []Expr   `json:"i,omitempty"`
	Keys  []string `json:"n,omitempty"`
}
