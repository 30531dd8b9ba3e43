package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

func needCases() []experiment {
	need := []string{fnNeed, fnEcho}
	return []experiment{
		{Case: Case{"need", "the node by its name, numbers, text, truth and none apart", need}, try: needsNodes},
		{Case: Case{"needs in turn", "seen is 0, 1, 2", need}, try: needsInTurn},
		{Case: Case{"needs at once", "seen is 0 for the first three, then 3 (or 1)", need}, try: needsAtOnce},
		{Case: Case{"answers in pieces", "items with `more` are one answer", need}, try: answersInPieces},
		{Case: Case{"answers as paths", "read like inline ones", need}, try: answersAsPaths},
		{Case: Case{"answers out of order", "10 calls, answered from the last to the first", need}, try: waiting(10)},
		{Case: Case{"start while 1 waits", "it ends", need}, try: waiting(1)},
		{Case: Case{"start while 1000 wait", "it ends, and so do they", need}, try: waiting(1000)},
		{Case: Case{"two at once", "one ends while the other runs", []string{fnSleep, fnEcho}}, try: twoAtOnce},
		{Case: Case{"failed need", "the call fails and says why", need}, try: needFails},
		{Case: Case{"absent and empty", "null where a variable is absent, else its text", []string{fnEnv}}, try: absentOrEmpty},
	}
}

// startNeed starts a call that needs these values, so many at a time.
func (s *session) startNeed(values string, atOnce int) *call {
	args := []*pluginv1.Argument{arg("values", jsonOf(values))}
	if atOnce > 1 {
		args = append([]*pluginv1.Argument{arg("at_once", jsonOf(fmt.Sprint(atOnce)))}, args...)
	}
	return s.start(fnNeed, args...)
}

// literalOf is the value of a request for a node of fnEcho.
func literalOf(r *pluginv1.Request) (*pluginv1.Literal, error) {
	n := r.GetNode()
	switch {
	case n == nil:
		return nil, fmt.Errorf("it did not ask for a node, but for %v", r)
	case n.GetName() != fnEcho:
		return nil, fmt.Errorf("it asked for the node %q", n.GetName())
	case len(n.GetArguments()) != 1 || n.GetArguments()[0].GetName() != "value":
		return nil, fmt.Errorf("it asked for %s with the arguments %v", fnEcho, n.GetArguments())
	}
	return n.GetArguments()[0].GetValue(), nil
}

// echo answers a need as the graph would: with what each request gave as an argument.
func (n *need) echo() error {
	answers, err := n.echoes()
	if err == nil {
		n.answer(answers...)
	}
	return err
}

func (n *need) echoes() ([]*pluginv1.Answer, error) {
	var answers []*pluginv1.Answer
	for _, r := range n.requests {
		l, err := literalOf(r)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answered(jsonOf(jsonLiteral(l))))
	}
	return answers, nil
}

// jsonLiteral writes a scalar literal as JSON.
func jsonLiteral(l *pluginv1.Literal) string {
	switch k := l.GetKind().(type) {
	case *pluginv1.Literal_Boolean:
		return fmt.Sprint(k.Boolean)
	case *pluginv1.Literal_Integer:
		return fmt.Sprint(k.Integer)
	case *pluginv1.Literal_Number:
		return fmt.Sprintf("%e", k.Number)
	case *pluginv1.Literal_Text:
		return string(jsonText(k.Text).GetInline())
	}
	return "null"
}

func needsNodes(ctx context.Context, k *kit) (string, error) {
	const values = `[1, 2.5, "1", true, null]`
	s, err := k.session()
	if err != nil {
		return "", err
	}
	c := s.startNeed(values, 1)
	for range 5 {
		open, err := c.asked(ctx, 1)
		if err != nil {
			return "", err
		}
		if err := open[0].echo(); err != nil {
			return "", err
		}
	}
	v, err := c.value(ctx)
	if err != nil {
		return "", err
	}
	return "five nodes of " + fnEcho, same(v, jsonOf(values))
}

func needsInTurn(ctx context.Context, k *kit) (string, error) { return stages(ctx, k, 3, 1) }
func needsAtOnce(ctx context.Context, k *kit) (string, error) { return stages(ctx, k, 6, 3) }

// stages has a call need count values, some at once, and checks what it says to have seen.
func stages(ctx context.Context, k *kit, count, atOnce int) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	values := numbers(count)
	c := s.startNeed(values, atOnce)
	var seen []string
	for range count / atOnce {
		open, err := c.asked(ctx, atOnce)
		if err != nil {
			return "", err
		}
		before := c.answered
		slices.Reverse(open)
		for _, n := range open {
			if n.seen != before {
				return "", fmt.Errorf("seen is %d after %d answers", n.seen, before)
			}
			seen = append(seen, fmt.Sprint(n.seen))
			if err := n.echo(); err != nil {
				return "", err
			}
		}
	}
	v, err := c.value(ctx)
	if err != nil {
		return "", err
	}
	return "seen " + strings.Join(seen, ", "), same(v, jsonOf(values))
}

// numbers is the list of the numbers from 1 on.
func numbers(count int) string {
	texts := make([]string, count)
	for i := range texts {
		texts[i] = fmt.Sprint(i + 1)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func answersInPieces(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	c := s.startNeed("[1, 2, 3]", 3)
	open, err := c.asked(ctx, 3)
	if err != nil {
		return "", err
	}
	split := false
	for _, n := range open {
		answers, err := n.echoes()
		if err != nil {
			return "", err
		}
		split = split || len(answers) > 1
		n.answerIn(answers[:len(answers)-1], answers[len(answers)-1:])
	}
	v, err := c.value(ctx)
	if err != nil {
		return "", err
	}
	if !split {
		return "one request in each need, answered after an empty piece", same(v, jsonOf("[1, 2, 3]"))
	}
	return "one answer", same(v, jsonOf("[1, 2, 3]"))
}

func answersAsPaths(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	c := s.startNeed("[1]", 1)
	open, err := c.asked(ctx, 1)
	if err != nil {
		return "", err
	}
	long := fmt.Sprintf("[%q]", strings.Repeat("x", 100_000))
	given, err := k.file(jsonOf(long[1 : len(long)-1]))
	if err != nil {
		return "", err
	}
	open[0].answer(answered(given))
	v, err := c.value(ctx)
	if err != nil {
		return "", err
	}
	return "read", same(v, jsonOf(long))
}

// waiting has n calls wait, lets another one begin and end, and then answers them.
func waiting(n int) func(context.Context, *kit) (string, error) {
	return func(ctx context.Context, k *kit) (string, error) {
		s, err := k.session()
		if err != nil {
			return "", err
		}
		calls, needs := make([]*call, n), make([]*need, n)
		for i := range calls {
			calls[i] = s.startNeed(fmt.Sprintf("[%d]", i), 1)
			open, err := calls[i].asked(ctx, 1)
			if err != nil {
				return "", fmt.Errorf("call %d: %w", i+1, err)
			}
			needs[i] = open[0]
		}
		if _, err := s.call(ctx, fnEcho, arg("value", jsonOf("0"))); err != nil {
			return "", fmt.Errorf("a start while %d calls wait: %w", n, err)
		}
		return fmt.Sprintf("%d ended", n+1), finish(ctx, k, calls, needs)
	}
}

// finish answers calls from the last to the first: all of them before it looks for a result, where they overlap.
func finish(ctx context.Context, k *kit, calls []*call, needs []*need) error {
	overlap := k.overlap(fnNeed)
	for i := len(calls) - 1; i >= 0; i-- {
		if err := needs[i].echo(); err != nil {
			return err
		}
		if !overlap {
			if err := calls[i].done(ctx); err != nil {
				return err
			}
		}
	}
	for i, c := range calls {
		v, err := c.value(ctx)
		if err == nil {
			err = same(v, jsonOf(fmt.Sprintf("[%d]", i)))
		}
		if err != nil {
			return fmt.Errorf("call %d: %w", i+1, err)
		}
	}
	return nil
}

func twoAtOnce(ctx context.Context, k *kit) (string, error) {
	if !k.overlap(fnSleep, fnEcho) {
		return "", skip("its functions do not overlap")
	}
	s, err := k.session()
	if err != nil {
		return "", err
	}
	sleeper, err := s.startSleep(ctx)
	if err != nil {
		return "", err
	}
	if _, err := s.call(ctx, fnEcho, arg("value", jsonOf("1"))); err != nil {
		return "", err
	}
	sleeper.cancel()
	_, err = sleeper.ends(ctx)
	return "one ended first", err
}

func needFails(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	c := s.startNeed("[1]", 1)
	open, err := c.asked(ctx, 1)
	if err != nil {
		return "", err
	}
	open[0].answer(wrong("out of cheese"))
	f, err := c.fails(ctx)
	if err != nil {
		return "", err
	}
	if !strings.Contains(f.GetMessage()+f.GetDetails(), "out of cheese") {
		return "", fmt.Errorf("the failure %q does not say why", shorten(f.GetMessage(), 80))
	}
	return shorten(f.GetMessage(), 80), nil
}

func absentOrEmpty(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	for _, answer := range []struct {
		given *pluginv1.Answer
		want  string
	}{{absent(), "null"}, {answered(jsonOf(`""`)), `""`}, {answered(jsonOf(`"here"`)), `"here"`}} {
		c := s.start(fnEnv, arg("name", jsonText("CALYX_CHECK")))
		open, err := c.asked(ctx, 1)
		if err != nil {
			return "", err
		}
		if open[0].requests[0].GetEnv() != "CALYX_CHECK" {
			return "", errors.New("it did not ask for the variable CALYX_CHECK")
		}
		open[0].answer(answer.given)
		v, err := c.value(ctx)
		if err == nil {
			err = same(v, jsonOf(answer.want))
		}
		if err != nil {
			return "", err
		}
	}
	return "told apart", nil
}
