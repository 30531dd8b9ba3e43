package calyx

import (
	"context"
	"fmt"
	"sync"

	"github.com/calyx-build/calyx/plugins/proto"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
	"github.com/calyx-build/calyx/plugins/proto/outbox"
)

// session is the stream on which the host and the calls of this process talk.
type session struct {
	plugin *Plugin
	stream pluginv1.Plugin_SessionServer
	out    *outbox.Queue[*pluginv1.PluginItem]

	mu    sync.Mutex
	calls map[uint64]*Call // under way
}

func newSession(p *Plugin, stream pluginv1.Plugin_SessionServer) *session {
	return &session{plugin: p, stream: stream, out: outbox.New[*pluginv1.PluginItem](), calls: map[uint64]*Call{}}
}

// serve reads until the host closes the stream. Functions that still run then are cancelled and not waited for: the
// process ends.
func (s *session) serve() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer s.out.Close()
	go s.write()
	for {
		m, err := s.stream.Recv()
		if err != nil {
			return
		}
		for _, item := range m.GetItems() {
			s.item(ctx, item)
		}
	}
}

func (s *session) item(ctx context.Context, item *pluginv1.HostItem) {
	switch said := item.GetItem().(type) {
	case *pluginv1.HostItem_Start:
		c := newCall(ctx, s, item.GetCall(), said.Start)
		s.mu.Lock()
		s.calls[c.id] = c
		s.mu.Unlock()
		go c.run(s.plugin.byName[said.Start.GetFunction()])
	case *pluginv1.HostItem_Answers:
		if c := s.call(item.GetCall()); c != nil {
			c.answered(said.Answers)
		}
	case *pluginv1.HostItem_Cancel:
		if c := s.call(item.GetCall()); c != nil {
			c.cancel(fmt.Errorf("calyx ended the call: %s", said.Cancel.GetReason()))
		}
	}
}

// call returns a call that is under way, nil for one that has ended.
func (s *session) call(id uint64) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[id]
}

func (s *session) forget(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, id)
}

// write sends what calls say.
func (s *session) write() {
	var items []*pluginv1.PluginItem
	for {
		if items = s.out.Take(items); len(items) == 0 {
			return
		}
		err := outbox.Messages(items, proto.GoodMessage, func(some []*pluginv1.PluginItem) error {
			return s.stream.Send(&pluginv1.SessionResponse{Items: some})
		})
		if err != nil {
			return // the reader sees it too
		}
	}
}
