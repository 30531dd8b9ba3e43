package enginetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// calyxfile is the pipeline's text.
func (p *pipeline) calyxfile() string {
	var b strings.Builder
	cmd := `["bin/prog"]`
	if p.python {
		cmd = fmt.Sprintf("[%q, %q]", python, pythonProgram)
	}
	fmt.Fprintf(&b, "plug = plugin(\"plug\", cmd = %s)\n", cmd)
	fmt.Fprintf(&b, "glob_ = stored(\"glob\", glob = %q)\n", globPattern)
	for _, name := range []string{"p0", "p1"} {
		fmt.Fprintf(&b, "%s = stored(%q, value = %d)\n", name, name, p.params[name])
	}
	for _, path := range p.sources {
		fmt.Fprintf(&b, "%s = stored(%q, path = %q)\n", base(path), base(path), path)
	}
	for _, s := range p.steps {
		if s.isFunction() {
			s.writeFunction(&b, p.python)
		} else {
			s.writeCommand(&b)
		}
	}
	return b.String()
}

func (i input) text() string {
	switch {
	case i.literal != "":
		return fmt.Sprintf("%q", i.literal)
	case i.output != "":
		return fmt.Sprintf("%s[%q]", i.node, i.output)
	case i.node == "glob":
		return "glob_"
	}
	return i.node
}

func (s *step) writeCommand(b *strings.Builder) {
	fmt.Fprintf(b, "%s = step(%q, cmd = [\"bin/prog\", \"%d\", \"%d\", \"%d\"", s.name, s.name, s.salt, s.modulo, s.fails)
	for _, i := range s.inputs {
		b.WriteString(", " + i.text())
	}
	b.WriteString(`, "--"`)
	for _, o := range s.outs {
		fmt.Fprintf(b, ", out(%q)", o)
	}
	b.WriteString("]" + s.ttl() + ")\n")
}

// lifetime is the ttl of steps that have one.
const lifetime = time.Hour

func (s *step) ttl() string {
	if s.ages {
		return ", ttl = \"1h\""
	}
	return ""
}

func (s *step) writeFunction(b *strings.Builder, python bool) {
	var args []string
	function := "act"
	if python {
		function = s.calls
	} else {
		args = append(args, fmt.Sprintf("script = %q", s.source()))
	}
	for i, in := range s.inputs {
		args = append(args, fmt.Sprintf("x%d = %s", i, in.text()))
	}
	fmt.Fprintf(b, "%s = step(%q, run = plug.%s, args = dict(%s)", s.name, s.name, function, strings.Join(args, ", "))
	if len(s.outs) > 0 {
		fmt.Fprintf(b, ", outs = [%q]", s.outs[0])
	}
	b.WriteString(s.ttl() + ")\n")
}

func (s *step) program() program {
	return program{Salt: s.salt, Modulo: s.modulo, Fails: s.fails, File: len(s.outs) > 0, Ops: s.script}
}

// source is the text of a function's program, which is one of its arguments.
func (s *step) source() string {
	text, err := json.Marshal(s.program())
	if err != nil {
		panic(err)
	}
	return string(text)
}
