package graph

// Runs reports whether there is anything to run; a step that only orders others, or names several, has nothing.
func (s *Step) Runs() bool { return s.Call != nil || s.Shell != nil || len(s.Cmd) > 0 }

// Refs calls yield for every node that the step's words, arguments, variables and declared inputs refer to, in the order
// in which the step declares them; a node may come more than once. `after` is not among them: it is no input.
func (s *Step) Refs(yield func(Ref)) {
	for i := range s.Cmd {
		s.Cmd[i].Refs(yield)
	}
	if s.Shell != nil {
		s.Shell.Refs(yield)
	}
	for i := range s.Args {
		s.Args[i].Expr.Refs(yield)
	}
	for i := range s.Env {
		if s.Env[i].Value != nil {
			s.Env[i].Value.Refs(yield)
		}
	}
	for i := range s.Deps {
		if s.Deps[i].Ref != nil {
			yield(*s.Deps[i].Ref)
		}
	}
}

// Refs calls yield for every reference in the expression, from left to right.
func (e *Expr) Refs(yield func(Ref)) {
	if e.Kind == Reference {
		yield(e.Ref)
	}
	for i := range e.Items {
		e.Items[i].Refs(yield)
	}
}
