package executor

import "testing"

func TestSourcesOfBytecode(t *testing.T) {
	e := &Engine{cfg: Config{Root: "/w"}}
	for bytecode, want := range map[string]string{
		"/w/.calyx/bytecode/lib/m.cpython-311.pyc":           "/lib/m.py",
		"/w/.calyx/bytecode/m.cpython-311.opt-1.pyc":         "/m.py",
		"/w/.calyx/bytecode/w/a.b.cpython-311.pyc":           "/w/a.b.py",
		"/env/p/__pycache__/m.pypy310.opt-2.pyc":             "/env/p/m.py",
		"/env/p/__pycache__/m.pyc":                           "",
		"/env/p/m.cpython-311.pyc":                           "",
		"/env/p/__pycache__/m.cpython-311.pyc.139720839238":  "",
		"/w/.calyx/bytecodes/lib/m.cpython-311.pyc":          "",
		"/w/.calyx/bytecode/lib/__pycache__.cpython-311.pyc": "/lib/__pycache__.py",
		"/w/.calyx/bytecode/lib/.cpython-311.pyc":            "",
	} {
		if got := e.sourceOf(bytecode); got != want {
			t.Errorf("%s is compiled from %q, want %q", bytecode, got, want)
		}
	}
}
