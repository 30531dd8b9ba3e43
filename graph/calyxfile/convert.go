package calyxfile

import (
	"errors"
	"fmt"
	"math/big"

	"go.starlark.net/starlark"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// maxNesting bounds lists and dictionaries within one another; a list that holds itself has no end.
const maxNesting = 100

// maxElements bounds how much one value holds. A list that holds the same list twice, which holds the same one twice,
// and so on, is small in Starlark and without bounds when it is written out.
const maxElements = 1_000_000

var errElements = errors.New("too many elements, counting those of lists that are there several times")

var errNested = fmt.Errorf("lists and dictionaries are nested more than %d deep", maxNesting)

// expr turns a value of Starlark, which may hold nodes, into an expression.
func (e *evaluation) expr(v starlark.Value, depth int) (graph.Expr, error) {
	if depth > maxNesting {
		return graph.Expr{}, errNested
	}
	if depth == 0 {
		e.converted = 0
	}
	if e.converted++; e.converted > maxElements {
		return graph.Expr{}, errElements
	}
	e.earned.Add(elementHeap)
	switch v := v.(type) {
	case starlark.String:
		return e.text(string(v))
	case *handle:
		return graph.Expr{Kind: graph.Reference, Ref: v.ref()}, nil
	case *starlark.List:
		return e.list(v, depth)
	case starlark.Tuple:
		return e.list(v, depth)
	case *starlark.Dict:
		return e.dict(v, depth)
	}
	plain, err := scalar(v)
	return constant(plain), err
}

func constant(v any) graph.Expr { return graph.Expr{Value: graph.Literal{V: v}} }

// text turns a string into a constant, or into a Concat where nodes were formatted into it.
func (e *evaluation) text(s string) (graph.Expr, error) {
	if !e.marked(s) {
		return constant(s), nil
	}
	concat := graph.Expr{Kind: graph.Concat}
	err := e.split(s,
		func(text string) { concat.Items = append(concat.Items, constant(text)) },
		func(k *mark) error {
			if k.out != nil {
				return errors.New("an output can be named in cmd and sh only")
			}
			concat.Items = append(concat.Items, k.expr)
			return nil
		})
	if errors.Is(err, errNUL) {
		return constant(s), nil // a plain value may hold any byte; commands check for it themselves
	}
	return concat, err
}

// list makes a plain list of plain elements, and a ListOf where an element refers to a node.
func (e *evaluation) list(v starlark.Indexable, depth int) (graph.Expr, error) {
	items := make([]graph.Expr, v.Len())
	plain := make([]any, v.Len())
	constants := 0
	for i := range items {
		item, err := e.expr(v.Index(i), depth+1)
		if err != nil {
			return graph.Expr{}, err
		}
		if items[i] = item; item.Kind == graph.Constant {
			plain[i] = item.Value.V
			constants++
		}
	}
	if constants == len(items) {
		return constant(plain), nil
	}
	return graph.Expr{Kind: graph.ListOf, Items: items}, nil
}

// dict does for dictionaries what list does for lists.
func (e *evaluation) dict(v *starlark.Dict, depth int) (graph.Expr, error) {
	result := graph.Expr{Kind: graph.DictOf}
	plain := hashing.Map{}
	for _, kv := range v.Items() {
		key, err := e.plain(kv[0])
		if err != nil {
			return graph.Expr{}, fmt.Errorf("key: %w", err)
		}
		item, err := e.expr(kv[1], depth+1)
		if err != nil {
			return graph.Expr{}, err
		}
		if item.Kind == graph.Constant {
			plain = append(plain, hashing.Pair{Key: key, Value: item.Value.V})
		}
		result.Keys, result.Items = append(result.Keys, key), append(result.Items, item)
	}
	if len(plain) == len(result.Items) {
		return constant(plain), nil
	}
	return result, nil
}

// scalar turns a value that holds no other into a plain one.
func scalar(v starlark.Value) (any, error) {
	switch v := v.(type) {
	case starlark.NoneType:
		return nil, nil
	case starlark.Bool:
		return bool(v), nil
	case starlark.Int:
		if n, ok := v.Int64(); ok {
			return n, nil
		}
		return v.BigInt(), nil
	case starlark.Float:
		return float64(v), nil
	case starlark.String:
		return string(v), nil
	case starlark.Bytes:
		return []byte(v), nil
	}
	return nil, want("a plain value or a node", v)
}

// literal turns a value without nodes into a plain one.
func (e *evaluation) literal(v starlark.Value) (any, error) {
	x, err := e.expr(v, 0)
	if err != nil {
		return nil, err
	}
	if x.Kind != graph.Constant {
		return nil, errors.New("nodes cannot be used here; they can in cmd, sh, args and the values of env")
	}
	return x.Value.V, nil
}

// plain returns a string that holds no node.
func (e *evaluation) plain(v starlark.Value) (string, error) {
	s, ok := v.(starlark.String)
	if !ok {
		return "", want("a string", v)
	}
	if e.marked(string(s)) {
		return "", errNodesHere
	}
	return string(s), nil
}

var errNodesHere = errors.New("nodes cannot be used here; they can in cmd, sh, args and the values of env")

// want is the message about a value of the wrong type.
func want(what string, v starlark.Value) error { return fmt.Errorf("want %s, got %s", what, v.Type()) }

// strings returns a list of strings.
func (e *evaluation) strings(v starlark.Value) ([]string, error) {
	list, ok := sequence(v)
	if !ok {
		return nil, want("a list of strings", v)
	}
	all := make([]string, list.Len())
	for i := range all {
		s, err := e.plain(list.Index(i))
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		all[i] = s
	}
	return all, nil
}

// sequence returns a list or a tuple.
func sequence(v starlark.Value) (starlark.Indexable, bool) {
	switch v := v.(type) {
	case *starlark.List:
		return v, true
	case starlark.Tuple:
		return v, true
	}
	return nil, false
}

// toStarlark turns a plain value into one of Starlark.
func toStarlark(v any) starlark.Value {
	switch v := v.(type) {
	case nil:
		return starlark.None
	case bool:
		return starlark.Bool(v)
	case int64:
		return starlark.MakeInt64(v)
	case *big.Int:
		return starlark.MakeBigInt(v)
	case float64:
		return starlark.Float(v)
	case string:
		return starlark.String(v)
	case []byte:
		return starlark.Bytes(v)
	case []any:
		list := make([]starlark.Value, len(v))
		for i, x := range v {
			list[i] = toStarlark(x)
		}
		return starlark.NewList(list)
	case hashing.Map:
		dict := starlark.NewDict(len(v))
		for _, p := range v {
			if err := dict.SetKey(starlark.String(p.Key), toStarlark(p.Value)); err != nil {
				panic(fmt.Sprintf("internal error: fill a new dictionary: %v", err))
			}
		}
		return dict
	}
	panic(fmt.Sprintf("internal error: %T is no literal", v))
}
