package check

import (
	"context"
	"errors"
	"fmt"

	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

func queueCases() []experiment {
	return []experiment{
		{Case: Case{"queued starts", "100 run after one that runs, one by one, in order", []string{fnSleep, fnEcho}}, try: queuedStarts},
		{Case: Case{"queued answers", "a call that was answered goes on before others start", []string{fnSleep, fnNeed, fnEcho}}, try: queuedAnswers},
		{Case: Case{"cancel a queued call", "it ends within 5 s, while another one runs", []string{fnSleep, fnEcho}}, try: cancelQueued},
	}
}

// queuing returns a session with a plugin that keeps calls of these functions apart itself.
func (k *kit) queuing(names ...string) (*session, error) {
	if !k.queues {
		return nil, skip("it does not queue")
	}
	for _, name := range names {
		if k.functions[name].GetOverlap() {
			return nil, skip(name + " overlaps")
		}
	}
	return k.session()
}

// startNap begins a call that sleeps for a moment, and waits until it does: what is sent then has to wait for its end.
func (s *session) startNap(ctx context.Context) (*call, error) {
	return s.startSleeping(ctx, "0.3")
}

// inTurn waits for the ends of calls, which must come in this order.
func inTurn(ctx context.Context, calls ...*call) error {
	for i, c := range calls {
		if _, err := c.value(ctx); err != nil {
			return fmt.Errorf("call %d: %w", c.id, err)
		}
		if i > 0 && c.place < calls[i-1].place {
			return fmt.Errorf("call %d ended before call %d, whose turn came first", c.id, calls[i-1].id)
		}
	}
	return nil
}

func queuedStarts(ctx context.Context, k *kit) (string, error) {
	s, err := k.queuing(fnSleep, fnEcho)
	if err != nil {
		return "", err
	}
	nap, err := s.startNap(ctx)
	if err != nil {
		return "", err
	}
	calls := []*call{nap}
	var items []*pluginv1.HostItem
	for i := range 100 {
		c, item := s.prepare(fnEcho, arg("value", jsonOf(fmt.Sprint(i))))
		calls, items = append(calls, c), append(items, item)
	}
	s.send(items...)
	return "in order", inTurn(ctx, calls...)
}

func queuedAnswers(ctx context.Context, k *kit) (string, error) {
	s, err := k.queuing(fnSleep, fnNeed, fnEcho)
	if err != nil {
		return "", err
	}
	waits := s.startNeed("[1]", 1)
	open, err := waits.asked(ctx, 1)
	if err != nil {
		return "", err
	}
	nap, err := s.startNap(ctx)
	if err != nil {
		return "", err
	}
	starts := s.start(fnEcho, arg("value", jsonOf("2")))
	if err := open[0].echo(); err != nil {
		return "", err
	}
	return "in order", inTurn(ctx, nap, waits, starts)
}

func cancelQueued(ctx context.Context, k *kit) (string, error) {
	s, err := k.queuing(fnSleep, fnEcho)
	if err != nil {
		return "", err
	}
	sleeper, err := s.startSleep(ctx)
	if err != nil {
		return "", err
	}
	c := s.start(fnEcho, arg("value", jsonOf("1")))
	c.cancel()
	seen, err := c.ends(ctx)
	if err == nil && c.failure == nil {
		err = errors.New("it ran beside another call")
	}
	sleeper.cancel()
	if _, ended := sleeper.ends(ctx); err == nil {
		err = ended
	}
	return seen, err
}
