package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// requests reads what a plugin asks for in the words of traces.
func requests(asked []*pluginv1.Request) ([]trace.Request, error) {
	all := make([]trace.Request, len(asked))
	for i, r := range asked {
		var err error
		if all[i], err = request(r); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// reads are requests that were not made, with what stood there, as far as it is said.
func reads(made []*pluginv1.Request, stood []*pluginv1.Stood) ([]read, error) {
	all := make([]read, len(made))
	for i, r := range made {
		var err error
		if all[i].Request, err = request(r); err != nil {
			return nil, err
		}
		if all[i].Kind == trace.Node {
			return nil, fmt.Errorf("it observed node %q, which can only be asked for", all[i].Subject)
		}
		if i < len(stood) {
			all[i].before = before(stood[i])
		}
	}
	return all, nil
}

// before is what a process says that stood somewhere; nil: it does not say.
func before(s *pluginv1.Stood) *hashing.Stat {
	if !s.GetAbsent() && s.GetInode() == 0 {
		return nil
	}
	return &hashing.Stat{Ino: s.GetInode(), Size: s.GetSize(), Mtime: s.GetMtime(), Ctime: s.GetCtime()}
}

func request(r *pluginv1.Request) (trace.Request, error) {
	v, err := view(r.GetView())
	if err != nil {
		return trace.Request{}, err
	}
	switch s := r.GetSubject().(type) {
	case *pluginv1.Request_Node:
		name, err := spelling(s.Node)
		return trace.Request{Kind: trace.Node, Subject: name, View: v}, err
	case *pluginv1.Request_File:
		return trace.Request{Kind: trace.File, Subject: string(s.File), View: v}, nil
	case *pluginv1.Request_Listing:
		return trace.Request{Kind: trace.Listing, Subject: string(s.Listing)}, nil
	case *pluginv1.Request_Glob:
		return trace.Request{Kind: trace.Glob, Subject: string(s.Glob)}, nil
	case *pluginv1.Request_Env:
		return trace.Request{Kind: trace.Env, Subject: s.Env}, nil
	case *pluginv1.Request_Exists:
		return trace.Request{Kind: trace.Exists, Subject: string(s.Exists)}, nil
	case *pluginv1.Request_Parameter:
		return trace.Request{Kind: trace.Param, Subject: s.Parameter}, nil
	case *pluginv1.Request_Instance:
		return trace.Request{Kind: trace.Instance}, nil
	}
	return trace.Request{}, errors.New("a request without a subject")
}

// views are the spellings of views in traces.
var views = map[pluginv1.View_Kind]string{
	pluginv1.View_KIND_UNSPECIFIED: "",
	pluginv1.View_KIND_BYTES:       "bytes",
	pluginv1.View_KIND_LENGTH:      "length",
	pluginv1.View_KIND_KEYS:        "keys",
	pluginv1.View_KIND_SHAPE:       "shape",
	pluginv1.View_KIND_EXISTS:      "exists",
}

func view(v *pluginv1.View) (string, error) {
	switch v.GetKind() {
	case pluginv1.View_KIND_FILE:
		return "file:" + string(v.GetName()), nil
	case pluginv1.View_KIND_ELEMENT:
		return "item:" + strconv.FormatUint(v.GetIndex(), 10), nil
	case pluginv1.View_KIND_ENTRY:
		key, err := json.Marshal(string(v.GetName()))
		return "item:" + string(key), err
	}
	spelt, ok := views[v.GetKind()]
	if !ok {
		return "", fmt.Errorf("a view of unknown kind %d", v.GetKind())
	}
	return spelt, nil
}

// spelling is the canonical name of the node that is needed.
func spelling(n *pluginv1.NodeRequest) (string, error) {
	if !graph.ValidName(n.GetName()) && len(n.GetArguments()) > 0 {
		return "", fmt.Errorf("%q is no name of a node", n.GetName())
	}
	args := make([]graph.NamedLiteral, len(n.GetArguments()))
	seen := make(map[string]bool, len(args))
	for i, a := range n.GetArguments() {
		v, err := plain(a.GetValue(), 0)
		if err != nil {
			return "", fmt.Errorf("argument %q of node %q: %w", a.GetName(), n.GetName(), err)
		}
		if !graph.ValidName(a.GetName()) || seen[a.GetName()] {
			return "", fmt.Errorf("node %q: %q is no name for a further argument", n.GetName(), a.GetName())
		}
		seen[a.GetName()] = true
		args[i] = graph.NamedLiteral{Name: a.GetName(), Value: graph.Literal{V: v}}
	}
	return graph.Spell(n.GetName(), args), nil
}

// deepest is how deep literals nest at most.
const deepest = 100

// plain reads a literal; see graph.Literal.
func plain(l *pluginv1.Literal, depth int) (any, error) {
	if depth > deepest {
		return nil, fmt.Errorf("a value is nested more than %d deep", deepest)
	}
	switch k := l.GetKind().(type) {
	case *pluginv1.Literal_None:
		return nil, nil
	case *pluginv1.Literal_Boolean:
		return k.Boolean, nil
	case *pluginv1.Literal_Integer:
		return k.Integer, nil
	case *pluginv1.Literal_BigInteger:
		return bigInteger(k.BigInteger)
	case *pluginv1.Literal_Number:
		return k.Number, nil
	case *pluginv1.Literal_Text:
		return k.Text, nil
	case *pluginv1.Literal_Data:
		return k.Data, nil
	case *pluginv1.Literal_List:
		return plainList(k.List, depth)
	case *pluginv1.Literal_Map:
		return plainMap(k.Map, depth)
	}
	return nil, errors.New("a value of no kind")
}

// longestInteger is the number of digits of an integer at most: arithmetic with more takes time that grows with its square.
const longestInteger = 10_000

func bigInteger(digits string) (any, error) {
	n, ok := new(big.Int), len(digits) <= longestInteger
	if ok {
		n, ok = n.SetString(digits, 10)
	}
	switch {
	case !ok:
		return nil, errors.New("an integer that is none, or too long")
	case n.IsInt64(): // one integer, one spelling
		return n.Int64(), nil
	}
	return n, nil
}

func plainList(l *pluginv1.LiteralList, depth int) (any, error) {
	items := make([]any, len(l.GetItems()))
	for i, item := range l.GetItems() {
		var err error
		if items[i], err = plain(item, depth+1); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func plainMap(m *pluginv1.LiteralMap, depth int) (any, error) {
	pairs := make(hashing.Map, len(m.GetEntries()))
	seen := make(map[string]bool, len(pairs))
	for i, e := range m.GetEntries() {
		if seen[e.GetKey()] {
			return nil, fmt.Errorf("the key %q comes twice", e.GetKey())
		}
		seen[e.GetKey()] = true
		v, err := plain(e.GetValue(), depth+1)
		if err != nil {
			return nil, err
		}
		pairs[i] = hashing.Pair{Key: e.GetKey(), Value: v}
	}
	return pairs, nil
}
