// Package executor brings nodes up to date: it looks traces up, checks them in order, schedules what must run, and
// records the result. It does not know how an action is carried out: that is a Runner's.
package executor

import (
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/hashing"
)

// Runner carries out tasks. A task knows nothing of the graph.
type Runner interface {
	// Start begins a task and returns at once; what happens then is told to h, from any goroutine, and the last thing
	// told is Done, exactly once (also after Cancel, and also where the task could not be started).
	Start(t *Task, h Handler) Call
}

// Call is a task under way. Its methods do not block, and do nothing once Done was told.
type Call interface {
	// Answer delivers the answers to one Need, in the order of its requests.
	Answer(need uint64, answers []Answer)
	// Cancel ends the task: politely first, then by force. It ends as a failure.
	Cancel()
}

// Handler is told what a task does. Its methods do not block.
type Handler interface {
	// Need asks for views of nodes, files, variables. seen is the number of answers that the call had received when it
	// asked: requests with an equal number form one stage. The call is suspended until all its needs are answered, unless
	// it is still working beside them (Working true).
	Need(id uint64, seen int, requests []trace.Request)
	// Observed reports a read that the task made without asking. before is what stood at the path then, links followed: the Ino,
	// Size, Mtime and Ctime of a file, and nothing else, or the zero Stat where nothing was there. It is nil where that is not known.
	Observed(request trace.Request, before *hashing.Stat)
	// Progress reports done of total units; total is 0 where it is unknown.
	Progress(done, total float64, unit string)
	// Metric reports a number about the task.
	Metric(m trace.Metric)
	// Done ends the task.
	Done(o Outcome)
}

// Task is one execution. Exactly one of Command, Function and Describe is set.
type Task struct {
	Node     string // for messages
	Command  *Command
	Function *Function
	// Describe asks a plugin what it offers; the result is a Description in JSON.
	Describe *PluginProcess
	// Timeout ends the attempt; 0: none.
	Timeout time.Duration
	// Ahead is true where the task is a short call for which there is no job slot: it is to be there when the one that its
	// process runs has ended, and no process is to be idle for it.
	Ahead bool
	// Memory is how many bytes it may take; 0: any number. A plugin's process may take what its calls may together.
	Memory int64
	// Scratch is an empty private folder, removed after the task (a command's TMPDIR; a place for a plugin's large values).
	Scratch string
	// Secrets are blanked in what the task prints.
	Secrets []string
}

// Command is a program to start in the workspace.
type Command struct {
	Path   string   // the executable
	Argv   []string // Argv[0] included
	Env    []string // the whole environment, NAME=VALUE
	Dir    string   // absolute
	Stdout string   // absolute path of the file that takes standard output; empty: the log
	// Watch is the workspace's folder where what the command does with files is to be watched; empty: it is not.
	Watch string
}

// Function is a call of a plugin's function.
type Function struct {
	Plugin PluginProcess
	Name   string
	Args   []Argument // sorted by name
	// Instance is the instance's name; reading it is an observed read.
	Instance string
	// OutDir is a folder in which the function may leave files that become its value.
	OutDir string
	// ProjectDir is the workspace, for errors and relative paths.
	ProjectDir string
}

// PluginProcess is what a plugin's processes are started from. Equal ones share processes. One without a command stands for
// a program that runs already (Config.Program).
type PluginProcess struct {
	Name    string
	Command     // Stdout is unused
	Workers int // at most so many processes; 0: one
	Secrets []string
}

// Description is what a plugin says of itself.
type Description struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Sources are the files that its code consists of, beside the program: relative to the workspace or absolute.
	Sources   []string              `json:"sources,omitempty"`
	Functions []FunctionDescription `json:"functions"`
	// Stored are the inputs that it declares, for use() in a Calyxfile.
	Stored []StoredDescription `json:"stored,omitempty"`
	// Parts are the pieces of code that functions consist of.
	Parts []PartDescription `json:"parts,omitempty"`
}

// PartDescription is a named piece of code, so that it can be told what changed.
type PartDescription struct {
	Name   string `json:"name"`
	Path   string `json:"path,omitempty"`
	Line   int    `json:"line,omitempty"`
	Code   string `json:"code"`
	Source string `json:"source,omitempty"`
}

// StoredDescription is an input that a plugin declares: one of Path, Glob and Env, or (none of these) the value Default.
type StoredDescription struct {
	Name string `json:"name"`
	Doc  string `json:"doc,omitempty"`
	Path string `json:"path,omitempty"`
	Glob string `json:"glob,omitempty"`
	Env  string `json:"env,omitempty"`
	// Default is the JSON text of the value; empty: there is none.
	Default string `json:"default,omitempty"`
}

// OptionDescription is an option of a step that runs a function, as a Calyxfile would give it. Value is a JSON text.
type OptionDescription struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// FunctionDescription is one function of a plugin.
type FunctionDescription struct {
	Name       string      `json:"name"`
	Doc        string      `json:"doc,omitempty"`
	Parameters []Parameter `json:"parameters,omitempty"`
	Returns    string      `json:"returns,omitempty"` // the type of the result, as the plugin spells it
	// Code is the digest of the function's own code; empty where the plugin cannot tell, and its program counts.
	Code string `json:"code,omitempty"`
	// Overlap is true where calls may run at the same time in one process.
	Overlap bool `json:"overlap,omitempty"`
	// Parts are the places in Description.Parts of what the function consists of, its own first.
	Parts []int `json:"parts,omitempty"`
	// Notes say what Code cannot tell of itself.
	Notes []string `json:"notes,omitempty"`
	// Options are those of the step that use() declares, sorted by name.
	Options []OptionDescription `json:"options,omitempty"`
}

// Parameter is a parameter of a function.
type Parameter struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"` // as the plugin spells it; "file" and "tree" get a path
	// Default is the JSON text of the default; empty: the parameter must be given.
	Default string `json:"default,omitempty"`
}

// Argument is a value handed to a function under a parameter's name.
type Argument struct {
	Name  string
	Value Payload
}

// Payload is a value in transport: inline, or a read-only file or folder of the cache.
type Payload struct {
	Value  trace.Value
	Inline []byte // the bytes, where Path is empty
	Path   string
	// Name is the base name that a file is to have for the task, where Path does not end in it: programs tell formats by it.
	Name string
	// Items are the elements, where Value is a list of values.
	Items []Payload
}

// Answer is the answer to one request: a view of a value, or the failure of the node that was needed.
type Answer struct {
	Digest  hashing.Digest // of the view
	Payload Payload
	Absent  bool   // the file, variable or node's part is not there
	Error   string // not empty: the node failed, or the request closes a cycle
}

// Outcome is how a task ended: Failure nil and a result, or a Failure.
type Outcome struct {
	// Result is the value of a function: inline bytes, or a file or folder in the scratch folder or in OutDir. A command
	// has none: its outputs are its result.
	Result  Payload
	Failure *Failure
	// Accesses are what a watched command that ended well did with files, each path once.
	Accesses []Access
	// Log is the file that holds what the task printed, empty where it printed nothing.
	Log string
	// Started and Ended bound the time in which the task ran.
	Started, Ended time.Time
	// CPU is the processor time used, 0 where unknown.
	CPU time.Duration
	// MaxRSS is the largest memory of a command in bytes, 0 where unknown.
	MaxRSS int64
}

// Failure is why a task ended without a result.
type Failure struct {
	Message string
	Exit    int    // exit status of a command; -1 where there is none
	Signal  string // the signal that ended a command
	Details string // a traceback or the like
	Timeout bool   // the time limit ended it
	Cancel  bool   // Cancel ended it
	Hint    string // what to do about it
	Moved   bool   // an input changed meanwhile
	Unmet   bool   // it passes on that a need of its own could not be met
	Refused bool   // the build may not execute anything: nothing was tried
	// Declared is true where the Calyxfile is wrong, or the source of a plugin is no program at all, and no execution could
	// end otherwise.
	Declared bool
	Retry    bool // another attempt may help; without it none is made, whatever the step allows
	// Lost is true where the task did nothing wrong: the process that it shared was ended for another's sake. It is to be
	// started again, and that is no further attempt. A runner says so a few times at most for one node.
	Lost  bool
	After time.Duration // wait at least so long before another attempt
}

func (f *Failure) Error() string { return f.Message }
