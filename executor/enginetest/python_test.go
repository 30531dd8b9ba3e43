package enginetest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
)

// pythonProgram is the file that the functions of Python stand in.
const pythonProgram = "pipeline.py"

// pythonHead is what the functions are written with: package enginetest's mixture once more. As in an asker, all requests of a set
// are made, also behind one that fails.
const pythonHead = `# Edition %d.
import json
from concurrent.futures import ThreadPoolExecutor

import calyx
from calyx import File, NeedError, fn, stored

CODE = %d


class Mixture:
    def __init__(self, *inputs):
        self.sum = 0
        self.add(str(CODE))
        for i in inputs:
            self.add(text(i))

    def add(self, text):
        h = 0xCBF29CE484222325
        for byte in f"{self.sum} {text}".encode():
            h = ((h ^ byte) * 0x100000001B3) %% (1 << 64)
        self.sum = h

    def tell(self, beside, catches, *asks):
        if beside:
            with ThreadPoolExecutor(len(asks)) as pool:
                answers = list(pool.map(attempt, asks))
        else:
            answers = [attempt(ask) for ask in asks]
        failures = [a for a in answers if isinstance(a, NeedError)]
        if failures and not catches:
            raise failures[0]
        for a in ["caught"] if failures else answers:
            self.add(a)

    def result(self, salt, modulo, fails):
        if fails >= 0 and (self.sum >> 7) %% 4 == fails:
            raise ValueError("it was to fail")
        self.add(str(salt))
        return {"a": self.sum %% modulo, "b": (self.sum >> 8) %% 2}


def attempt(ask):
    try:
        return ask()
    except NeedError as e:
        return e


def text(value):
    if isinstance(value, File):
        return value.read_text()
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return "\n".join(map(text, value))
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"))
    return str(value)


def source(path):
    try:
        with calyx.open(path) as f:
            return "is " + f.read()
    except FileNotFoundError:
        return "absent"


def unasked(path):
    try:
        with open(path) as f:
            return "is " + f.read()
    except FileNotFoundError:
        return "absent"


def output(path):
    with calyx.open(path) as f:
        return f.read()


def exists(path):
    return "true" if calyx.exists(path) else "false"


def matches(pattern):
    return json.dumps(calyx.glob(pattern), separators=(",", ":"))


@stored
def p0():
    return 0


@stored
def p1():
    return 0

`

// pythonText is the program of a pipeline whose functions are Python's.
func (p *pipeline) pythonText() string {
	var b strings.Builder
	fmt.Fprintf(&b, pythonHead, p.program, code(p.program))
	for _, s := range p.steps {
		if s.isFunction() {
			b.WriteString(s.pythonText() + "\n\n")
		}
	}
	b.WriteString("if __name__ == \"__main__\":\n    calyx.serve()\n")
	return b.String()
}

func (s *step) pythonText() string {
	var b strings.Builder
	var parameters, names []string
	for i := range s.inputs {
		names = append(names, fmt.Sprintf("x%d", i))
		parameters = append(parameters, names[i]+"=None")
	}
	fmt.Fprintf(&b, "@fn\ndef %s(%s):\n    m = Mixture(%s)\n", s.name, strings.Join(parameters, ", "), strings.Join(names, ", "))
	writeOps(&b, "    ", s.script)
	fmt.Fprintf(&b, "    r = m.result(%d, %d, %d)\n", s.salt, s.modulo, s.fails)
	if len(s.outs) > 0 {
		b.WriteString("    return str(r[\"a\"]).encode()\n")
	} else {
		b.WriteString("    return r\n")
	}
	return b.String()
}

func writeOps(b *strings.Builder, indent string, ops []op) {
	for _, o := range ops {
		if o.Asks == nil {
			fmt.Fprintf(b, "%sif (m.sum >> 3) %% 2 == 0:\n", indent)
			writeOps(b, indent+"    ", o.Then)
			fmt.Fprintf(b, "%selse:\n", indent)
			writeOps(b, indent+"    ", o.Else)
			continue
		}
		asks := make([]string, len(o.Asks))
		for i, a := range o.Asks {
			asks[i] = "lambda: " + a.pythonText()
		}
		fmt.Fprintf(b, "%sm.tell(%s, %s, %s)\n", indent, pythonBool(o.Beside), pythonBool(o.Catches), strings.Join(asks, ", "))
	}
}

func pythonBool(v bool) string {
	if v {
		return "True"
	}
	return "False"
}

func (a ask) pythonText() string {
	switch {
	case a.Kind == "param":
		return fmt.Sprintf("text(%s())", a.Subject)
	case a.Kind == "glob":
		return fmt.Sprintf("matches(%q)", a.Subject)
	case a.Kind == "exists":
		return fmt.Sprintf("exists(%q)", a.Subject)
	case a.Kind == "file" && strings.HasPrefix(a.Subject, "out/"):
		return fmt.Sprintf("output(%q)", a.Subject)
	case a.Kind == "file":
		return fmt.Sprintf("source(%q)", a.Subject)
	case a.Kind == unasked:
		return fmt.Sprintf("unasked(%q)", a.Subject)
	case a.View == "":
		return fmt.Sprintf("text(%s())", a.Subject)
	case a.View == "keys":
		return fmt.Sprintf("text(json.dumps(list(%s()), separators=(\",\", \":\")))", a.Subject)
	case a.View == "length":
		return fmt.Sprintf("text(len(%s()))", a.Subject)
	}
	return fmt.Sprintf("text(%s()[%q])", a.Subject, strings.TrimPrefix(a.View, "item:"))
}

// witness stands between the engine and a call of the host, and notes what the call is shown.
type witness struct {
	executor.Handler
	call  executor.Call
	r     *runner
	t     *executor.Task
	mu    sync.Mutex
	asked map[uint64][]trace.Request
	saw   []string
	read  string // a source that was read without asking
}

// startPython has the host carry a task out.
func (r *runner) startPython(t *executor.Task, h executor.Handler) executor.Call {
	r.moment("")
	w := &witness{Handler: h, r: r, t: t, asked: map[uint64][]trace.Request{}}
	if f := t.Function; f != nil {
		w.note("function %s", r.code[f.Name])
		for _, a := range f.Args {
			w.note("argument %s %s", a.Name, payloadText(a.Value))
		}
		r.meets("a function of Python")
	}
	w.call = r.python.Start(t, w)
	return w
}

func payloadText(p executor.Payload) string {
	text, err := content(p)
	return fmt.Sprintf("%q %v", text, err)
}

func (w *witness) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.saw = append(w.saw, fmt.Sprintf(format, args...))
}

// Need notes what is asked for.
func (w *witness) Need(id uint64, seen int, requests []trace.Request) {
	w.mu.Lock()
	w.asked[id] = requests
	open := len(w.asked)
	w.mu.Unlock()
	if open > 1 {
		w.r.meets("several requests in flight")
	}
	w.Handler.Need(id, seen, requests)
}

// Observed notes what is read without asking: it is shown to the call before it ends.
func (w *witness) Observed(r trace.Request, before *hashing.Stat) {
	text, err := os.ReadFile(filepath.Join(w.r.root, r.Subject))
	w.mu.Lock()
	w.read = r.Subject
	w.mu.Unlock()
	w.note("read %v %q %v", r, text, err != nil)
	w.Handler.Observed(r, before)
}

// Answer notes what the call is told.
func (w *witness) Answer(need uint64, answers []executor.Answer) {
	w.mu.Lock()
	asked := w.asked[need]
	delete(w.asked, need)
	w.mu.Unlock()
	for i, a := range answers {
		w.note("told %v %v %v %q", asked[i], a.Digest, a.Absent, a.Error)
		switch {
		case a.Error != "":
			w.r.meets("a need that failed")
		case a.Absent:
			w.r.meets("an absence")
		}
	}
	w.call.Answer(need, answers)
}

func (w *witness) Cancel() { w.call.Cancel() }

// Done keeps what was noted. Threads ask in any order.
func (w *witness) Done(o executor.Outcome) {
	w.mu.Lock()
	slices.Sort(w.saw)
	saw, read := strings.Join(slices.Compact(w.saw), "\n"), w.read
	w.mu.Unlock()
	w.r.ends(w.t.Node, saw)
	w.r.moment(read)
	w.Handler.Done(o)
}

// functions are what the functions of Python consist of, by their names.
func (p *pipeline) functions() map[string]string {
	all := map[string]string{}
	for _, s := range p.steps {
		if p.python && s.isFunction() {
			all[s.name] = fmt.Sprintf("%d\n%s", code(p.program), s.pythonText())
		}
	}
	return all
}
