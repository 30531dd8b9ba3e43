// Package calyx makes plugins of Go programs: functions that calyx runs as steps, with dependencies that they may find as
// they run.
//
//	type Args struct {
//		Text  string `calyx:"text"`
//		Lower bool   `calyx:"lower" default:"true"`
//	}
//
//	func tokenize(call *calyx.Call, a Args) ([]string, error) { … }
//
//	func main() {
//		p := calyx.NewPlugin("search", "1.0")
//		calyx.Func(p, "tokenize", tokenize)
//		p.Serve()
//	}
//
// A Calyxfile declares plugin("search", cmd = [program]) and runs its functions by step(run = search.tokenize, args = …). The
// program's file is its code: a change of it, also where a script starts it, reruns all functions. Of `go run` calyx does not know
// what it compiles: there, name the files by plugin(sources = ["**/*.go", "go.mod", …]), or let a step build the program.
// Whatever else a function wants to know it asks its Call: other nodes, files, variables, parameters; each is then a
// dependency, and the function runs again when what it saw has changed.
package calyx

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"

	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// Plugin is a set of functions.
type Plugin struct {
	name, version string
	functions     []*function
	stored        []*pluginv1.Stored
	byName        map[string]*function
	wrong         []error
}

// function is a function with its arguments' type forgotten.
type function struct {
	description *pluginv1.Function
	parameters  []parameter
	run         func(c *Call, args []*pluginv1.Argument) (any, error)
}

// NewPlugin returns a plugin without functions. The version is for people.
func NewPlugin(name, version string) *Plugin {
	return &Plugin{name: name, version: version, byName: map[string]*function{}}
}

// Option says something about a function.
type Option func(*pluginv1.Function) error

// Doc documents a function; the first line is shown in lists.
func Doc(about string) Option {
	return func(f *pluginv1.Function) error {
		f.Doc = text(about)
		return nil
	}
}

// Alone keeps the function from running beside other calls in its process. Without it, calls run in goroutines beside one
// another, as many as calyx has job slots.
func Alone() Option {
	return func(f *pluginv1.Function) error {
		f.Overlap = false
		return nil
	}
}

// StepOption is an option of the step that use(plugin) in a Calyxfile makes of the function, by the name and with the value
// that the Calyxfile knows: StepOption("retries", 3).
func StepOption(name string, value any) Option {
	return func(f *pluginv1.Function) error {
		l, err := literalOf(reflect.ValueOf(value), 0)
		if err != nil {
			return fmt.Errorf("option %q: %w", name, err)
		}
		if f.Options == nil {
			f.Options = map[string]*pluginv1.Literal{}
		}
		f.Options[name] = l
		return nil
	}
}

var functionName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// Func adds a function to a plugin. A is a struct whose exported fields are the parameters:
//
//   - the tag `calyx:"name"` names a parameter (without it, the field's name in snake case), `calyx:"-"` leaves a field out;
//   - the tag `default:"5"` makes it optional: JSON, but for strings the text itself;
//   - the tag `doc:"…"` documents it;
//   - File and Dir fields get paths, []byte and string fields a value's bytes or text, Value fields anything, and all other
//     types are read from JSON.
//
// R is what the function returns: File, Dir and Value (see FileResult) for files and folders that it wrote, []byte for
// bytes, None for nothing, slices of these for lists of values; all else becomes JSON, with floats that stay floats.
//
// What is wrong with a function is told when the plugin is served.
func Func[A, R any](p *Plugin, name string, f func(*Call, A) (R, error), options ...Option) {
	d := &pluginv1.Function{Name: name, Overlap: true, Returns: typeName(reflect.TypeFor[R]())}
	parameters, err := parametersOf(reflect.TypeFor[A]())
	for _, o := range options {
		err = errors.Join(err, o(d))
	}
	switch {
	case f == nil:
		err = errors.Join(err, errors.New("it is nil"))
	case !functionName.MatchString(name):
		err = errors.Join(err, errors.New("that is no name for a function"))
	case p.byName[name] != nil:
		err = errors.Join(err, errors.New("it is there twice"))
	}
	if err := errors.Join(err, returnable(reflect.TypeFor[R]())); err != nil {
		p.wrong = append(p.wrong, fmt.Errorf("function %q: %w", name, err))
		return
	}
	for _, parameter := range parameters {
		d.Parameters = append(d.Parameters, parameter.description)
	}
	fn := &function{description: d, parameters: parameters}
	fn.run = func(c *Call, given []*pluginv1.Argument) (any, error) {
		var args A
		if err := bind(c, fn, given, reflect.ValueOf(&args).Elem()); err != nil {
			return nil, err
		}
		return f(c, args)
	}
	p.functions = append(p.functions, fn)
	p.byName[name] = fn
}

// Serve talks with calyx until calyx has no more use for the process. Where the plugin is wrong, or the program was not
// started by calyx, it says so on standard error and ends the process with status 1.
func (p *Plugin) Serve() {
	if err := p.serve(os.Stdout); err != nil { //nolint:forbidigo // the handshake belongs on standard output
		fmt.Fprintf(os.Stderr, "plugin %q: %v\n", p.name, err) //nolint:forbidigo // it is this program that prints, and not calyx
		os.Exit(1)                                             //nolint:forbidigo // Serve is the main function of a plugin
	}
}
