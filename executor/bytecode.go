package executor

import (
	"os"
	"path"
	"slices"
	"strings"

	"github.com/calyx-build/calyx/hashing"
)

// Python asks only when a module's source changed and how long it is, where it finds bytecode, and reads that. The bytecode is
// hidden, so who reads it is taken to have read the source.

// compiledFrom adds the content of the sources whose bytecode was read.
func (e *Engine) compiledFrom(all []Access) []Access {
	var sources []string
	for i := range all {
		if all[i].Saw&SawContent != 0 {
			if source := e.sourceOf(all[i].Path); source != "" {
				sources = append(sources, source)
			}
		}
	}
	if len(sources) == 0 {
		return all
	}
	at := make(map[string]int, len(all))
	for i := range all {
		at[all[i].Path] = i
	}
	all = slices.Clone(all)
	read := func(source string) bool {
		i, known := at[source]
		if known && !all[i].Changed {
			all[i].Saw |= SawContent
		}
		return known
	}
	// Python has asked for each of them, mostly by a name without links.
	for _, source := range e.unlinked(slices.DeleteFunc(sources, read)) {
		if !read(source.Path) {
			all = append(all, source)
		}
	}
	return all
}

// forgetYoung removes the bytecode of sources that were changed so shortly before they were compiled that a further change may fall into
// the same second, and Python would take the bytecode for that of the new text.
func (e *Engine) forgetYoung(all []Access) {
	for _, a := range all {
		if !a.Changed || !strings.HasPrefix(a.Path, e.bytecode()+"/") {
			continue
		}
		source := e.sourceOf(a.Path)
		if source == "" {
			continue
		}
		compiled, err := hashing.Lstat(a.Path)
		if err != nil { // it is gone
			continue
		}
		if st, err := hashing.StatFollow(source); err != nil || st.IsYoung(compiled.Mtime) {
			_ = os.Remove(a.Path) // where that fails, Python itself would have done no better
		}
	}
}

// forgetBytecode removes all of it. Python does not look whether it could write the whole of a file, and fails with what is cut short
// until somebody removes it.
func (e *Engine) forgetBytecode() {
	_ = os.RemoveAll(e.bytecode()) // where that fails, Python itself would have done no better
}

// sourceOf is what a file of bytecode was compiled from, by its place: the folder that the environment of steps names has one
// for every folder of sources, and elsewhere it is in one beside them. Empty: it is none.
func (e *Engine) sourceOf(p string) string {
	folder, base := path.Split(p)
	base, isBytecode := strings.CutSuffix(base, ".pyc")
	if !isBytecode {
		return ""
	}
	mirrored, isMirrored := strings.CutPrefix(folder, e.bytecode()+"/")
	beside, isBeside := strings.CutSuffix(folder, "/__pycache__/")
	switch {
	case isMirrored:
		folder = "/" + mirrored
	case isBeside:
		folder = beside
	default:
		return ""
	}
	dot := strings.LastIndexByte(base, '.')
	if dot >= 0 && strings.HasPrefix(base[dot:], ".opt-") { // for how it is optimised
		base = base[:dot]
		dot = strings.LastIndexByte(base, '.')
	}
	if dot <= 0 { // without the name of the interpreter
		return ""
	}
	return path.Join(folder, base[:dot]+".py")
}
