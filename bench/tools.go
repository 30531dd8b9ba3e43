package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// tool is a build tool: how it is told of a graph, and how it is started.
type tool struct {
	name    string
	program string   // found on PATH, or a path
	args    []string // of a build of everything
	file    string   // where the graph is described …
	write   func(w *bufio.Writer, g layered)
	setup   []string // a command that must run once in a new workspace, with the program's name
	state   []string // what it keeps in the workspace beside the outputs
	most    int      // the largest graph that it is asked to build; 0: any
	server  bool     // it leaves a process behind whose memory counts
	silent  bool     // its steps leave no files
}

// installed returns the path of the program, empty where it is missing.
func (t tool) installed() string {
	path, err := exec.LookPath(t.program)
	if err != nil {
		return ""
	}
	return path
}

// describe writes the tool's description of the graph into dir.
func (t tool) describe(dir string, g layered) error {
	f, err := os.Create(filepath.Join(dir, t.file))
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	t.write(w, g)
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// jobs is how many steps every tool may run at once.
func jobs() string { return strconv.Itoa(runtime.NumCPU()) }

func calyx(path string) tool {
	return tool{
		name: "calyx", program: path, args: calyxBuild(), server: true,
		file: "Calyxfile", write: writeCalyxfile, state: []string{".calyx", "calyx.state.json"},
	}
}

func calyxBuild() []string { return []string{"build", "-q", "--progress", "none", "-j", jobs()} }

// peers are the tools that calyx is measured against, the most important first.
func peers() []tool {
	return []tool{
		{
			name: "ninja", program: "ninja", args: []string{"--quiet", "-j", jobs()},
			file: "build.ninja", write: writeNinja, state: []string{".ninja_log", ".ninja_deps"},
		},
		{
			name: "make", program: "make", args: []string{"-s", "-r", "-R", "-j", jobs(), "all"},
			file: "Makefile", write: writeMakefile,
		},
		{
			name: "n2", program: "n2", args: []string{"-j", jobs()},
			file: "build.ninja", write: writeNinja, state: []string{".n2_db"},
		},
		{
			name: "snakemake", program: "snakemake", args: []string{"--quiet", "all", "--cores", jobs()}, most: 1000,
			file: "Snakefile", write: writeSnakefile, state: []string{".snakemake"},
		},
		{
			name: "dvc", program: "dvc", args: []string{"repro", "--quiet"}, most: 1000,
			setup: []string{"init", "--no-scm", "--quiet"},
			file:  "dvc.yaml", write: writeDVC, state: []string{"dvc.lock", ".dvc/cache", ".dvc/tmp"},
		},
		{
			name: "redun", program: "redun", args: []string{"run", "workflow.py", "main"}, most: 1000,
			file: "workflow.py", write: writeRedun, state: []string{".redun"},
		},
	}
}

// The steps are not watched: what the peers know of a command is what is declared.
const calyxfileText = `def column(c):
    above = step("s0-%%d" %% c, sh = "cat src/0/%%d > {out}" %% c, outs = ["out/0/%%d" %% c], trace = False)
    for layer in range(1, %d):
        above = step(
            "s%%d-%%d" %% (layer, c),
            sh = "cat {above} src/%%d/%%d > {out}" %% (layer, c),
            args = dict(above = above),
            outs = ["out/%%d/%%d" %% (layer, c)],
            trace = False,
        )

for c in range(%d):
    column(c)
`

func writeCalyxfile(w *bufio.Writer, g layered) {
	fmt.Fprintf(w, calyxfileText, depth, g.width())
}

func writeNinja(w *bufio.Writer, g layered) {
	fmt.Fprint(w, "rule join\n  command = cat $in > $out\n\n")
	for layer, column := range g.each() {
		fmt.Fprintf(w, "build %s: join %s\n", output(layer, column), strings.Join(inputs(layer, column), " "))
	}
}

// writeMakefile names what is wanted in one rule: a rule for each would cost make quadratic time, which is not its fault.
func writeMakefile(w *bufio.Writer, g layered) {
	fmt.Fprint(w, ".PHONY: all\nall:")
	for column := range g.width() {
		fmt.Fprint(w, " ", output(depth-1, column))
	}
	fmt.Fprintln(w)
	for layer, column := range g.each() {
		fmt.Fprintf(w, "%s: %s\n\tcat $^ > $@\n", output(layer, column), strings.Join(inputs(layer, column), " "))
	}
}

func writeSnakefile(w *bufio.Writer, g layered) {
	fmt.Fprintf(w, "rule all:\n    input: expand(\"out/%d/{c}\", c=range(%d))\n", depth-1, g.width())
	fmt.Fprint(w, "rule top:\n    input: \"src/0/{c}\"\n    output: \"out/0/{c}\"\n    shell: \"cat {input} > {output}\"\n")
	for layer := 1; layer < depth; layer++ {
		fmt.Fprintf(w, "rule join%d:\n    input: \"out/%d/{c}\", \"src/%d/{c}\"\n    output: \"out/%d/{c}\"\n"+
			"    shell: \"cat {input} > {output}\"\n", layer, layer-1, layer, layer)
	}
}

func writeDVC(w *bufio.Writer, g layered) {
	fmt.Fprint(w, "stages:\n")
	for layer, column := range g.each() {
		in, out := inputs(layer, column), output(layer, column)
		fmt.Fprintf(w, "  s%d-%d:\n    cmd: cat %s > %s\n    deps: [%s]\n    outs: [%s]\n",
			layer, column, strings.Join(in, " "), out, strings.Join(in, ", "), out)
	}
}

const redunText = `from redun import File, task

redun_namespace = "bench"

@task()
def join(parts, out):
    with File(out).open("w") as f:
        for part in parts:
            f.write(part.read())
    return File(out)

@task()
def main():
    outputs = []
    for c in range(%d):
        above = join([File(f"src/0/{c}")], f"out/0/{c}")
        for layer in range(1, %d):
            above = join([above, File(f"src/{layer}/{c}")], f"out/{layer}/{c}")
        outputs.append(above)
    return outputs
`

func writeRedun(w *bufio.Writer, g layered) { fmt.Fprintf(w, redunText, g.width(), depth) }
