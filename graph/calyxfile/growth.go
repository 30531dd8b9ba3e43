package calyxfile

import (
	"fmt"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Starlark looks for a stop between instructions only, and one instruction may make a value of any size, or copy a large
// one in each round of a loop. So operands of +, *, %, // and << pass through checks, by which both come to an end at the same place in
// every evaluation; what else takes memory is left to the guard.
const (
	// maxLength is how many elements a list or tuple may have that an operator works on; strings may have maxText bytes.
	maxLength = 2_000_000
	maxText   = 16 << 20
	// maxBits bounds the integers that * and << make.
	maxBits = 1 << 16
	// maxCopied is how many bytes operators may copy in all: a second's worth.
	maxCopied = 1 << 30
	// elementBytes is what an element of a list takes.
	elementBytes = 16
	// bitBytes is how many bytes could be copied in the time that a bit of a large integer costs.
	bitBytes = 8
)

// The built-ins that operands pass through; no identifier can have their names.
const (
	sizeCheck   = "operand"          // of +, %, // and <<
	leftFactor  = "left factor"      // of *, remembered until the right one comes
	rightFactor = "right factor"     // of *
	growthCheck = "what is added to" // the variable before += and *=, and what comes after it
)

// boundGrowth has the operands of an operator checked that may make something large.
func boundGrowth(n *syntax.BinaryExpr) {
	if (n.Op == syntax.PLUS || n.Op == syntax.PERCENT) && (isNumber(n.X) || isNumber(n.Y)) {
		return
	}
	switch n.Op {
	case syntax.PLUS, syntax.PERCENT, syntax.LTLT, syntax.SLASHSLASH:
		n.X, n.Y = through(sizeCheck, n.OpPos, n.X), through(sizeCheck, n.OpPos, n.Y)
	case syntax.STAR:
		n.X, n.Y = callOf(leftFactor, n.OpPos, n.X), callOf(rightFactor, n.OpPos, n.Y)
	}
}

// boundAssignment does so for += and the like.
func boundAssignment(n *syntax.AssignStmt) {
	name, plain := n.LHS.(*syntax.Ident)
	switch {
	case !makesMore(n.Op):
	case n.Op == syntax.PLUS_EQ && isNumber(n.RHS):
	case plain:
		before := &syntax.Ident{NamePos: name.NamePos, Name: name.Name}
		times := &syntax.Ident{NamePos: n.OpPos, Name: "False"}
		if n.Op == syntax.STAR_EQ {
			times.Name = "True"
		}
		n.RHS = callOf(growthCheck, n.OpPos, before, n.RHS, times)
	default:
		n.RHS = through(sizeCheck, n.OpPos, n.RHS)
	}
}

func makesMore(op syntax.Token) bool {
	switch op {
	case syntax.PLUS_EQ, syntax.STAR_EQ, syntax.PERCENT_EQ, syntax.LTLT_EQ, syntax.SLASHSLASH_EQ:
		return true
	}
	return false
}

func isNumber(x syntax.Expr) bool {
	l, ok := x.(*syntax.Literal)
	return ok && (l.Token == syntax.INT || l.Token == syntax.FLOAT)
}

// through passes an operand through a built-in, unless it is written out.
func through(check string, pos syntax.Position, x syntax.Expr) syntax.Expr {
	if _, ok := x.(*syntax.Literal); ok {
		return x
	}
	return callOf(check, pos, x)
}

func callOf(name string, pos syntax.Position, args ...syntax.Expr) syntax.Expr {
	return &syntax.CallExpr{Fn: &syntax.Ident{NamePos: pos, Name: name}, Lparen: pos, Args: args, Rparen: pos}
}

// growth is what operators have copied, and the left factors whose right ones are being evaluated.
type growth struct {
	copied  int64
	factors []starlark.Value
}

func (g *growth) sizeCheck(args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return args[0], g.charge(args[0])
}

func (g *growth) leftFactor(args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	g.factors = append(g.factors, args[0])
	return args[0], nil
}

func (g *growth) rightFactor(args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	last := len(g.factors) - 1
	x := g.factors[last]
	g.factors = g.factors[:last]
	return args[0], g.multiply(x, args[0])
}

func (g *growth) growthCheck(args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	x, y := args[0], args[1]
	if args[2] == starlark.True {
		return y, g.multiply(x, y)
	}
	if _, inPlace := x.(*starlark.List); !inPlace {
		if err := g.charge(x); err != nil {
			return nil, err
		}
	}
	return y, g.charge(y)
}

// charge counts a value that is about to be copied.
func (g *growth) charge(v starlark.Value) error {
	switch v := v.(type) {
	case starlark.Int:
		return g.integer(v, 0)
	case starlark.String:
		return g.take(int64(len(v)), 1)
	case *starlark.List:
		return g.take(int64(v.Len()), elementBytes)
	case starlark.Tuple:
		if err := g.take(int64(len(v)), elementBytes); err != nil {
			return err
		}
		for _, x := range v { // what a text is formatted with
			if s, ok := x.(starlark.String); ok {
				if err := g.take(int64(len(s)), 1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// multiply counts what x * y makes.
func (g *growth) multiply(x, y starlark.Value) error {
	n, isInt := y.(starlark.Int)
	if !isInt {
		x, y = y, x
		if n, isInt = y.(starlark.Int); !isInt {
			return nil
		}
	}
	times, small := n.Int64()
	switch v := x.(type) {
	case starlark.Int:
		if small {
			return g.integer(v, 64)
		}
		return g.integer(v, n.BigInt().BitLen())
	case starlark.String:
		return g.product(int64(len(v)), times, small, 1)
	case *starlark.List:
		return g.product(int64(v.Len()), times, small, elementBytes)
	case starlark.Tuple:
		return g.product(int64(len(v)), times, small, elementBytes)
	}
	return nil
}

// integer counts one that an operation makes more bits of; small ones are not worth it.
func (g *growth) integer(v starlark.Int, more int) error {
	if _, small := v.Int64(); small && more <= 64 {
		return nil
	}
	bits := v.BigInt().BitLen() + more
	if bits > maxBits {
		return fmt.Errorf("an integer of more than %d bits", maxBits)
	}
	return g.take(int64(bits), bitBytes)
}

func (g *growth) product(length, times int64, small bool, size int64) error {
	switch {
	case length == 0 || times <= 0 && small:
		return nil
	case !small || times > maxText:
		times = maxText + 1 // too many of anything
	}
	return g.take(length*times, size)
}

// take counts length elements of a size in bytes.
func (g *growth) take(length, size int64) error {
	if size == 1 && length > maxText {
		return fmt.Errorf("a string of more than %d MiB", maxText>>20)
	}
	if size == elementBytes && length > maxLength {
		return fmt.Errorf("a list of more than %d elements", maxLength)
	}
	if g.copied += length * size; g.copied > maxCopied {
		return fmt.Errorf("the evaluation does not come to an end: it was stopped after operators had copied %d GiB", maxCopied>>30)
	}
	return nil
}
