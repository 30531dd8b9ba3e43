package check

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

func sessionCases() []experiment {
	return []experiment{
		{Case: Case{"unknown function", "a failure", nil}, gate: true, try: unknownFunction},
		{Case: Case{"describe in a session", "the same answer", nil}, try: describesInSession},
		{Case: Case{"second session", "ALREADY_EXISTS, and the first lives on", nil}, try: secondSession},
		{Case: Case{"empty message", "it is ignored", nil}, try: emptyMessage},
		{Case: Case{"unknown field", "it is ignored", nil}, try: unknownField},
		{Case: Case{"unknown item", "ignored, or the end of the session", nil}, try: unknownItem},
		{Case: Case{"late answers", "answers and cancel after the end are ignored", nil}, try: lateAnswers},
		{Case: Case{"many in one message", "an end for each of 100 starts", nil}, try: manyStarts},
	}
}

func unknownFunction(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	f, err := s.start(nowhere).fails(ctx)
	return shorten(f.GetMessage(), 80), err
}

func describesInSession(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	d, err := s.process.describe(ctx, false)
	if err != nil {
		return "", err
	}
	if len(d.GetFunctions()) != len(k.functions) {
		return "", fmt.Errorf("%d functions, and %d before", len(d.GetFunctions()), len(k.functions))
	}
	return "the same", nil
}

func secondSession(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	if err := s.settle(ctx); err != nil { // the stream exists for sure once something came back on it
		return "", err
	}
	second, err := pluginv1.NewPluginClient(s.process.conn).Session(ctx)
	if err == nil {
		_, err = second.Recv()
	}
	if status.Code(err) != codes.AlreadyExists {
		return "", errors.New(status.Code(err).String())
	}
	return "ALREADY_EXISTS", nil
}

func emptyMessage(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	s.send()
	return "ignored", s.settle(ctx)
}

// unknown is a field with a number that no version has used.
func unknown() []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, 2000, protowire.VarintType), 1)
}

func unknownField(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	c, item := s.prepare(nowhere)
	item.ProtoReflect().SetUnknown(unknown())
	item.GetStart().ProtoReflect().SetUnknown(unknown())
	s.send(item)
	_, err = c.fails(ctx)
	return "ignored", err
}

// unknownItem sends an item as a later version might. The plugin may refuse it, but not get stuck on it.
func unknownItem(ctx context.Context, k *kit) (string, error) {
	s, err := k.alone()
	if err != nil {
		return "", err
	}
	defer s.process.kill()
	item := &pluginv1.HostItem{Call: 1000}
	item.ProtoReflect().SetUnknown(unknown())
	s.send(item)
	c := s.start(nowhere)
	ended := false
	err = s.await(ctx, "an answer to the next item", func() bool {
		ended = s.err != nil
		return c.ended() || ended
	})
	if ended {
		return "the end of the session", err
	}
	return "ignored", err
}

func lateAnswers(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	c := s.start(nowhere)
	if _, err := c.fails(ctx); err != nil {
		return "", err
	}
	c.cancel()
	late := &need{call: c, id: 1}
	late.answer(answered(jsonOf("1")))
	return "ignored", s.settle(ctx)
}

func manyStarts(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	var calls []*call
	var items []*pluginv1.HostItem
	for range 100 {
		c, item := s.prepare(nowhere)
		calls, items = append(calls, c), append(items, item)
	}
	s.send(items...)
	for i, c := range calls {
		if _, err := c.fails(ctx); err != nil {
			return "", fmt.Errorf("start %d: %w", i+1, err)
		}
	}
	return "100 failures", nil
}
