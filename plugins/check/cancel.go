package check

import (
	"context"
	"errors"
	"fmt"
	"time"
)

func cancelCases() []experiment {
	sleep, need := []string{fnSleep}, []string{fnNeed, fnEcho}
	return []experiment{
		{Case: Case{"cancel a running call", "it ends within 5 s", sleep}, try: cancelRunning},
		{Case: Case{"cancel a waiting call", "it ends within 5 s", need}, try: cancelWaiting},
		{Case: Case{"cancel twice", "the second is ignored", need}, try: cancelTwice},
		{Case: Case{"deadline", "a call ends after it, once it is cancelled", sleep}, try: deadline},
		{Case: Case{"deadline, waiting", "a wait does not count", need}, try: deadlineWaiting},
	}
}

// startSleep begins a call that sleeps for an hour, and waits until it does.
func (s *session) startSleep(ctx context.Context) (*call, error) {
	return s.startSleeping(ctx, "3600.0")
}

// startSleeping begins a call that sleeps, and waits until it does.
func (s *session) startSleeping(ctx context.Context, seconds string) (*call, error) {
	c := s.start(fnSleep, arg("seconds", jsonOf(seconds)))
	err := s.await(ctx, "the progress of "+fnSleep, func() bool { return len(c.progress) > 0 || c.ended() })
	if err == nil && len(c.progress) == 0 {
		err = errors.New(fnSleep + " tells no progress before it sleeps")
	}
	return c, err
}

// ends waits for the end of a call that was cancelled.
func (c *call) ends(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if err := c.done(ctx); err != nil {
		return "", err
	}
	if c.failure == nil {
		return "it ended with a result", nil
	}
	return "a failure: " + shorten(c.failure.GetMessage(), 70), nil
}

func cancelRunning(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	c, err := s.startSleep(ctx)
	if err != nil {
		return "", err
	}
	c.cancel()
	return c.ends(ctx)
}

func cancelWaiting(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	c := s.startNeed("[1]", 1)
	if _, err := c.asked(ctx, 1); err != nil {
		return "", err
	}
	c.cancel()
	return c.ends(ctx)
}

func cancelTwice(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	c := s.startNeed("[1]", 1)
	open, err := c.asked(ctx, 1)
	if err != nil {
		return "", err
	}
	c.cancel()
	c.cancel()
	if err := open[0].echo(); err != nil {
		return "", err
	}
	return c.ends(ctx)
}

// deadline plays what the host does when the time of a call is up. The plugin may be faster.
func deadline(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	const allowed = 100 * time.Millisecond
	c := s.startWithin(allowed, fnSleep, arg("seconds", jsonOf("3600.0")))
	short, cancel := context.WithTimeout(ctx, 2*allowed)
	defer cancel()
	if c.done(short) == nil {
		return c.ends(ctx)
	}
	c.cancel()
	return c.ends(ctx)
}

// deadlineWaiting answers a need only when more time has passed than the call may run.
func deadlineWaiting(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	const allowed = time.Second / 2
	c := s.startWithin(allowed, fnNeed, arg("values", jsonOf("[1]")))
	open, err := c.asked(ctx, 1)
	if err != nil {
		return "", err
	}
	late, cancel := context.WithTimeout(ctx, allowed+allowed/5)
	defer cancel()
	if c.done(late) == nil {
		return "", fmt.Errorf("it ended while it waited: %s", shorten(c.failure.GetMessage(), 80))
	}
	if err := open[0].echo(); err != nil {
		return "", err
	}
	v, err := c.value(ctx)
	if err != nil {
		return "", err
	}
	return "a result", same(v, jsonOf("[1]"))
}
