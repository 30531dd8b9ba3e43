package enginetest

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
)

// program is what a function does: it asks, mixes what it is told, and branches on it.
type program struct {
	Salt   int
	Modulo uint64
	Fails  int
	File   bool // the result is the content of a file, not JSON
	Ops    []op
}

// op is a set of requests that are made at once, or (Asks nil) a branch on what was seen before.
type op struct {
	Asks    []ask `json:",omitempty"`
	Beside  bool  `json:",omitempty"` // every request is a need of its own, all in flight together
	Catches bool  `json:",omitempty"` // goes on where a request fails
	Then    []op  `json:",omitempty"`
	Else    []op  `json:",omitempty"`
}

// ask is one request.
type ask struct{ Kind, Subject, View string }

// asker answers requests, in order.
type asker func(asks []ask, beside bool) ([]string, error)

// errFails is how a program fails by its own will.
var errFails = errors.New("it was to fail")

// mixture is the state of a program: a hash of everything that it saw.
type mixture struct{ sum uint64 }

func (m *mixture) add(text string) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", m.sum, text)
	m.sum = h.Sum64()
}

func (m *mixture) fails(remainder int) bool { return remainder >= 0 && m.sum>>7%4 == uint64(remainder) }

// caught is what a program goes on with instead of answers that failed.
const caught = "caught"

// run carries the program out, in an edition of its code. args are the values of its inputs, in order.
func (p program) run(code int, args []string, tell asker) (string, error) {
	m := mixture{}
	m.add(strconv.Itoa(code))
	for _, a := range args {
		m.add(a)
	}
	if err := m.do(p.Ops, tell); err != nil {
		return "", err
	}
	if m.fails(p.Fails) {
		return "", errFails
	}
	m.add(strconv.Itoa(p.Salt))
	if p.File {
		return strconv.FormatUint(m.sum%p.Modulo, 10), nil
	}
	return fmt.Sprintf(`{"a":%d,"b":%d}`, m.sum%p.Modulo, m.sum>>8%2), nil
}

func (m *mixture) do(ops []op, tell asker) error {
	for _, o := range ops {
		if o.Asks == nil {
			branch := o.Else
			if m.sum>>3%2 == 0 {
				branch = o.Then
			}
			if err := m.do(branch, tell); err != nil {
				return err
			}
			continue
		}
		answers, err := tell(o.Asks, o.Beside)
		if err != nil && o.Catches && !errors.Is(err, errCancelled) {
			answers, err = []string{caught}, nil
		}
		if err != nil {
			return err
		}
		for _, a := range answers {
			m.add(a)
		}
	}
	return nil
}

// mix is what commands do: the contents of their outputs.
func mix(salt string, modulo uint64, fails int, inputs []string, outs int) ([]string, error) {
	var m mixture
	for _, in := range inputs {
		m.add(in)
	}
	if m.fails(fails) {
		return nil, errFails
	}
	m.add(salt)
	contents := make([]string, outs)
	for i := range contents {
		contents[i] = strconv.FormatUint((m.sum>>i)%modulo, 10)
	}
	return contents, nil
}
