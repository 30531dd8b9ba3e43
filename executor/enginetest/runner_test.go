package enginetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/plugins/host"
)

// runner carries tasks out and notes what each saw: two tasks that saw the same are one too many. Functions of Python are the
// host's; all else is done here.
type runner struct {
	python   *host.Host        // nil: there are none
	root     string            // the workspace's folder
	code     map[string]string // what functions of Python consist of, by their names
	mu       sync.Mutex
	saw      map[string]string // by node, of the last task that ended
	met      tally
	moments  int                           // at which a task started or had done its work
	onMoment func(moment int, read string) // may edit files
	edited   string                        // the one that it did edit
}

func (r *runner) isEdited() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.edited != ""
}

func (r *runner) Close() error {
	if r.python == nil {
		return nil
	}
	return r.python.Close()
}

// moment is when a task starts, or has done its work. read is a source that it read without asking, if it did.
func (r *runner) moment(read string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moments++
	if r.onMoment != nil {
		r.onMoment(r.moments, read)
	}
}

// ends keeps what a task saw.
func (r *runner) ends(node, saw string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.saw[node] = saw
}

func (r *runner) sawBy(node string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.saw[node]
}

// meets counts what a task came across.
func (r *runner) meets(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.met[what]++
}

var errCancelled = errors.New("cancelled")

type call struct {
	r         *runner
	t         *executor.Task
	h         executor.Handler
	saw       strings.Builder
	received  int
	needs     uint64
	answers   chan answered
	cancelled chan struct{}
	once      sync.Once
	accesses  map[string]*executor.Access // by path: what a watched command did
	opened    string                      // a source that was read without asking
}

type answered struct {
	need    uint64
	answers []executor.Answer
}

// Start carries the task out on a goroutine of its own.
func (r *runner) Start(t *executor.Task, h executor.Handler) executor.Call {
	if t.Command == nil && r.python != nil {
		return r.startPython(t, h)
	}
	c := &call{r: r, t: t, h: h, answers: make(chan answered, 64), cancelled: make(chan struct{}), accesses: map[string]*executor.Access{}}
	go c.run()
	return c
}

func (c *call) Answer(need uint64, answers []executor.Answer) { c.answers <- answered{need, answers} }

func (c *call) Cancel() { c.once.Do(func() { close(c.cancelled) }) }

func (c *call) run() {
	began := time.Now()
	c.r.moment("")
	result, err := c.carryOut()
	c.r.moment(c.opened)
	c.r.ends(c.t.Node, c.saw.String())
	o := executor.Outcome{Result: result, Started: began, Ended: time.Now()}
	for _, path := range slices.Sorted(maps.Keys(c.accesses)) {
		o.Accesses = append(o.Accesses, *c.accesses[path])
	}
	if err != nil {
		o.Result, o.Failure = executor.Payload{}, &executor.Failure{Message: err.Error(), Exit: 1, Cancel: errors.Is(err, errCancelled)}
	}
	c.h.Done(o)
}

func (c *call) carryOut() (executor.Payload, error) {
	switch {
	case c.t.Describe != nil:
		return c.describe()
	case c.t.Function != nil:
		return c.function()
	}
	return executor.Payload{}, c.command()
}

func (c *call) note(format string, args ...any) { fmt.Fprintf(&c.saw, format+"\n", args...) }

func (c *call) describe() (executor.Payload, error) {
	text, err := os.ReadFile(c.t.Describe.Path)
	c.note("describe %q", text)
	if err != nil {
		return executor.Payload{}, err
	}
	edition, err := editionOf(text)
	if err != nil {
		return executor.Payload{}, err
	}
	act := executor.FunctionDescription{Name: "act", Overlap: true, Code: fmt.Sprint(code(edition)), Parameters: []executor.Parameter{{Name: "script"}}}
	for i := range 4 {
		act.Parameters = append(act.Parameters, executor.Parameter{Name: fmt.Sprintf("x%d", i), Default: "null"})
	}
	description, err := json.Marshal(executor.Description{Name: "plug", Functions: []executor.FunctionDescription{act}})
	return executor.Payload{Value: trace.Value{Media: trace.MediaJSON}, Inline: description}, err
}

// editionOf reads the edition of a program from its text.
func editionOf(text []byte) (edition int, err error) {
	_, err = fmt.Sscanf(string(text), programText, &edition)
	return edition, err
}

// command is "prog salt modulo fails inputs… -- outputs…".
func (c *call) command() error {
	cmd := c.t.Command
	program, err := c.read(cmd.Path)
	if err != nil {
		return err
	}
	c.note("command %q %q", program, cmd.Argv[1:4])
	words := cmd.Argv[4:]
	cut := slices.Index(words, "--")
	outs := words[cut+1:]
	inputs := make([]string, cut)
	for i, word := range words[:cut] {
		if inputs[i], err = c.word(word); err != nil {
			return err
		}
	}
	c.note("to %q", outs)
	modulo, err := strconv.ParseUint(cmd.Argv[2], 10, 64)
	if err != nil {
		return err
	}
	fails, err := strconv.Atoi(cmd.Argv[3])
	if err != nil {
		return err
	}
	contents, err := mix(cmd.Argv[1], modulo, fails, inputs, len(outs))
	if err != nil {
		return errors.Join(err, os.WriteFile(filepath.Join(cmd.Dir, outs[0]), []byte("partial"), 0o666))
	}
	for i, o := range outs {
		c.access(filepath.Join(cmd.Dir, o)).Changed = true
		if err := os.WriteFile(filepath.Join(cmd.Dir, o), []byte(contents[i]), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// word is the content of the file that a word of a command names, or the word.
func (c *call) word(word string) (string, error) {
	if path, ok := strings.CutPrefix(word, looksInto); ok {
		return c.lookInto(path)
	}
	if path, ok := strings.CutPrefix(word, looksOver); ok {
		return c.lookOver(path)
	}
	at := word
	if !filepath.IsAbs(word) {
		at = filepath.Join(c.t.Command.Dir, word)
	}
	text, err := c.read(at)
	if errors.Is(err, os.ErrNotExist) {
		c.note("word %q", word)
		return word, nil
	}
	c.note("file %q %q", filepath.Base(word), text)
	return string(text), err
}

func (c *call) function() (executor.Payload, error) {
	var p program
	var args []string
	for _, a := range c.t.Function.Args {
		text, err := content(a.Value)
		if err != nil {
			return executor.Payload{}, err
		}
		c.note("argument %s %q", a.Name, text)
		for _, item := range a.Value.Items {
			c.note("item %q", item.Path)
		}
		if a.Name != "script" {
			args = append(args, text)
			continue
		}
		var source string
		if err := errors.Join(json.Unmarshal([]byte(text), &source), json.Unmarshal([]byte(source), &p)); err != nil {
			return executor.Payload{}, err
		}
	}
	text, err := os.ReadFile(c.t.Function.Plugin.Path)
	if err != nil {
		return executor.Payload{}, err
	}
	edition, err := editionOf(text)
	if err != nil {
		return executor.Payload{}, err
	}
	c.note("code %d", code(edition))
	value, err := p.run(code(edition), args, c.ask)
	result := executor.Payload{Value: trace.Value{Media: trace.MediaJSON}, Inline: []byte(value)}
	if p.File {
		result.Value.Media = trace.MediaBinary
	}
	return result, err
}

// content is the text of a value; of a list, that of its elements, each on a line.
func content(p executor.Payload) (string, error) {
	if p.Items != nil {
		texts := make([]string, len(p.Items))
		for i, item := range p.Items {
			var err error
			if texts[i], err = content(item); err != nil {
				return "", err
			}
		}
		return strings.Join(texts, "\n"), nil
	}
	if p.Inline != nil {
		return string(p.Inline), nil
	}
	text, err := os.ReadFile(p.Path)
	return string(text), err
}

// ask is the asker of a call that runs.
func (c *call) ask(asks []ask, beside bool) ([]string, error) {
	var requests []ask
	texts := make([]string, len(asks))
	for i, a := range asks {
		if a.Kind != unasked {
			requests = append(requests, a)
			continue
		}
		var err error
		if texts[i], err = c.open(a.Subject); err != nil {
			return nil, err
		}
	}
	if len(requests) == 0 {
		return texts, nil
	}
	told, err := c.request(requests, beside)
	if err != nil {
		return nil, err
	}
	for i, a := range asks {
		if a.Kind != unasked {
			texts[i], told = told[0], told[1:]
		}
	}
	return texts, nil
}

// open reads a file without asking.
func (c *call) open(path string) (string, error) {
	c.r.meets("a read without asking")
	c.opened = path
	at := filepath.Join(c.r.root, path)
	before, _ := hashing.StatFollow(at) // the zero Stat where there is nothing
	text, err := os.ReadFile(at)
	c.h.Observed(trace.Request{Kind: trace.File, Subject: path}, &hashing.Stat{Ino: before.Ino, Size: before.Size, Mtime: before.Mtime, Ctime: before.Ctime})
	c.note("opened %s %q", path, text)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "absent", nil
	case err != nil:
		return "", err
	}
	return "is " + string(text), nil
}

// request asks, and waits for the answers.
func (c *call) request(asks []ask, beside bool) ([]string, error) {
	groups := [][]ask{asks}
	if beside {
		if len(asks) > 1 {
			c.r.meets("several requests in flight")
		}
		groups = slices.Collect(slices.Chunk(asks, 1))
	}
	first := c.needs
	for _, g := range groups {
		requests := make([]trace.Request, len(g))
		for i, a := range g {
			requests[i] = a.request()
		}
		c.h.Need(c.needs, c.received, requests)
		c.needs++
	}
	answers := make([][]executor.Answer, len(groups))
	for range groups {
		select {
		case a := <-c.answers:
			answers[a.need-first] = a.answers
		case <-c.cancelled:
			return nil, errCancelled
		}
	}
	flat := slices.Concat(answers...)
	c.received += len(flat)
	return c.told(asks, flat)
}

func (c *call) told(asks []ask, answers []executor.Answer) ([]string, error) {
	texts := make([]string, len(asks))
	for i, a := range answers {
		if a.Error != "" {
			c.r.meets("a need that failed")
			return nil, errors.New(a.Error)
		}
		if asks[i].View != "" {
			c.r.meets("a view of a part")
		}
		if a.Absent {
			c.r.meets("an absence")
		}
		var err error
		if texts[i], err = c.text(asks[i], a); err != nil {
			return nil, err
		}
		c.note("told %v %q", asks[i], texts[i])
	}
	return texts, nil
}

func (c *call) text(asked ask, a executor.Answer) (string, error) {
	switch {
	case asked.Kind == "exists":
		return fmt.Sprint(!a.Absent && string(a.Payload.Inline) != `""`), nil
	case a.Absent:
		return "absent", nil
	}
	text, err := content(a.Payload)
	if asked.Kind == "file" && !strings.HasPrefix(asked.Subject, "out/") {
		text = "is " + text
	}
	return text, err
}

var kinds = map[string]trace.RequestKind{
	"param": trace.Param, "glob": trace.Glob, "exists": trace.Exists, "file": trace.File, "node": trace.Node,
}

func (a ask) request() trace.Request {
	return trace.Request{Kind: kinds[a.Kind], Subject: a.Subject, View: a.View}
}
