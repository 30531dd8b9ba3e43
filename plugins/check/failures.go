package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

func failureCases() []experiment {
	return []experiment{
		{Case: Case{"failure", "the message, and the process lives on", []string{fnFail}}, try: failure},
		{Case: Case{"retryable failure", "retryable, after 1.5 seconds", []string{fnRetry}}, try: retryable},
		{Case: Case{"log, progress, metric", "each before the result, as it was told", []string{fnTell}}, try: tells},
		{Case: Case{"printing", "it is there when the result arrives", []string{fnPrint}}, try: prints},
		{Case: Case{"batch", "a result for each of three elements", []string{fnBatch}}, try: batch},
	}
}

func failure(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	f, err := s.start(fnFail, arg("message", jsonText("out of cheese"))).fails(ctx)
	switch {
	case err != nil:
		return "", err
	case !strings.Contains(f.GetMessage(), "out of cheese"):
		return "", fmt.Errorf("the message %q", shorten(f.GetMessage(), 80))
	case f.GetRetryable():
		return "", errors.New("it says that another attempt may help")
	}
	return shorten(f.GetMessage(), 80), nil
}

func retryable(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	f, err := s.start(fnRetry, arg("seconds", jsonOf("1.5"))).fails(ctx)
	switch {
	case err != nil:
		return "", err
	case !f.GetRetryable():
		return "", errors.New("it is not retryable")
	case f.GetRetryAfter().AsDuration().Milliseconds() != 1500:
		return "", fmt.Errorf("after %v", f.GetRetryAfter().AsDuration())
	}
	return "retryable, after 1.5s", nil
}

func tells(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	c := s.start(fnTell, arg("text", jsonText("hello")))
	if _, err := c.value(ctx); err != nil {
		return "", err
	}
	var seen []string
	for _, p := range c.progress {
		seen = append(seen, fmt.Sprintf("%v of %v %s", p.GetDone(), p.GetTotal(), p.GetUnit()))
	}
	for _, m := range c.metrics {
		seen = append(seen, fmt.Sprintf("%s %v %s", m.GetName(), m.GetValue(), m.GetUnit()))
	}
	told := strings.Join(append([]string{strings.TrimSpace(string(c.log))}, seen...), "; ")
	if told != "hello; 1 of 2 steps; calyx_check 0.5 units" {
		return "", fmt.Errorf("%q", shorten(told, 120))
	}
	return told, nil
}

// prints looks for the text in the call's log and on standard output, at the moment when the result has arrived.
func prints(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	const text = "printed by the conformance kit"
	c := s.start(fnPrint, arg("text", jsonText(text)))
	if _, err := c.value(ctx); err != nil {
		return "", err
	}
	switch {
	case strings.Contains(string(c.log), text):
		return "in the call's log", nil
	case strings.Contains(s.process.standardOutput(), text):
		return "on standard output", nil
	}
	return "", errors.New("it is not; was it flushed?")
}

func batch(ctx context.Context, k *kit) (string, error) {
	if k.functions[fnBatch].GetBatch() < 3 {
		return "", skip(fnBatch + " takes no three elements")
	}
	s, err := k.session()
	if err != nil {
		return "", err
	}
	c, item := s.prepare(fnBatch, arg("value", jsonOf("[1, 2, 3]")))
	c.elements, item.GetStart().Batch = 3, 3
	s.send(item)
	if err := c.done(ctx); err != nil {
		return "", err
	}
	for e, want := range []string{"1", "2", "3"} {
		v := c.results[uint32(e)]
		if v == nil {
			return "", fmt.Errorf("element %d failed: %s%s", e, c.failure.GetMessage(), c.failures[uint32(e)].GetMessage())
		}
		if err := same(v, jsonOf(want)); err != nil {
			return "", fmt.Errorf("element %d: %w", e, err)
		}
	}
	return "three results", nil
}
