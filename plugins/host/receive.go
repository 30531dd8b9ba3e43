package host

import (
	"errors"
	"fmt"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/plugins/proto"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// read takes what the process says until its stream ends.
func (p *process) read() {
	for {
		m, err := p.stream.Recv()
		if err != nil {
			p.lost(err)
			return
		}
		p.peer.drain() // so that a log has all that was printed before its call ended
		p.message(m)
		p.pool.host.news.settle()
	}
}

// message takes one message. A process that breaks the protocol is killed: nothing that it says can be trusted.
func (p *process) message(m *pluginv1.SessionResponse) {
	p.pool.mu.Lock()
	defer p.pool.mu.Unlock()
	for _, item := range m.GetItems() {
		if p.blame != nil {
			return
		}
		if err := p.item(item); err != nil {
			p.kill(blame{why: "broke the protocol (" + err.Error() + ")", guilty: p.calls[item.GetCall()]})
			return
		}
	}
	p.pool.dispatch()
}

// item takes one item; an error says how it breaks the protocol.
func (p *process) item(item *pluginv1.PluginItem) error {
	if o := item.GetObserved(); o != nil && item.GetCall() == 0 {
		return p.observedAlso(o)
	}
	c, ok := p.calls[item.GetCall()]
	if !ok {
		return p.late(item)
	}
	switch said := item.GetItem().(type) {
	case *pluginv1.PluginItem_Observed:
		return c.observed(said.Observed)
	case *pluginv1.PluginItem_Need:
		return c.asks(said.Need)
	case *pluginv1.PluginItem_Log:
		if text := said.Log.GetText(); !p.pool.host.shown(text) {
			c.log.take(logItems, text)
		}
	case *pluginv1.PluginItem_Progress:
		at := said.Progress
		p.pool.host.news.post(func() { c.to.Progress(at.GetDone(), at.GetTotal(), at.GetUnit()) })
	case *pluginv1.PluginItem_Metric:
		c.measured(said.Metric)
	case *pluginv1.PluginItem_GradientFlow: // nobody asked: Start.gradient_flow was not set
	case *pluginv1.PluginItem_Result:
		return c.returns(said.Result)
	case *pluginv1.PluginItem_Failure:
		return c.fails(said.Failure)
	default:
		return errors.New("it sent an item of no known kind")
	}
	return nil
}

// late takes an item of a call that is not under way. A thread that a function left behind may still talk for a while.
func (p *process) late(item *pluginv1.PluginItem) error {
	known := item.GetCall() > 0 && item.GetCall() <= p.last
	switch item.GetItem().(type) {
	case *pluginv1.PluginItem_Log, *pluginv1.PluginItem_Progress, *pluginv1.PluginItem_Metric:
		if known {
			return nil
		}
	}
	if known {
		return fmt.Errorf("it spoke for call %d after its end", item.GetCall())
	}
	return fmt.Errorf("it spoke for call %d, which it was not given", item.GetCall())
}

// maxMetrics is the size in bytes at which the metrics of a call are cut: they are kept with its result.
const maxMetrics = 4 << 20

const cutMetrics = "\n… (the metrics are longer than 4 MiB; the rest was dropped)\n"

// measured passes on a metric.
func (c *call) measured(said *pluginv1.Metric) {
	if c.metrics > maxMetrics {
		return
	}
	const each = 16
	if c.metrics += len(said.GetName()) + len(said.GetUnit()) + each; c.metrics > maxMetrics {
		c.log.take(logItems, []byte(cutMetrics))
		return
	}
	m := trace.Metric{Name: said.GetName(), Value: said.GetValue(), Unit: said.GetUnit()}
	c.proc.pool.host.news.post(func() { c.to.Metric(m) })
}

// observed passes on what the call alone has read.
func (c *call) observed(said *pluginv1.Observed) error {
	all, err := reads(said.GetReads(), said.GetStood())
	if err != nil {
		return err
	}
	c.proc.pool.host.news.post(func() { observed(c.to, all) })
	return nil
}

// observedAlso tells every call that is under way of reads of the process.
func (p *process) observedAlso(said *pluginv1.Observed) error {
	all, err := reads(said.GetReads(), said.GetStood())
	if err != nil {
		return err
	}
	var fresh []read
	for _, r := range all {
		if p.observe(r) {
			fresh = append(fresh, r)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	for _, id := range sortedIDs(p.calls) {
		to := p.calls[id].to
		p.pool.host.news.post(func() { observed(to, fresh) })
	}
	return nil
}

// asks passes on what the call needs. A need that is too long for one item comes in several.
func (c *call) asks(said *pluginv1.Need) error {
	n, known := c.open[said.GetId()]
	if !known {
		n = &need{seen: said.GetSeen()}
	}
	if err := n.add(said, c.answers); err != nil {
		return err
	}
	c.open[said.GetId()] = n
	c.wait()
	if n.whole {
		id, asked := said.GetId(), n.asked
		n.asked = nil
		c.pool.host.news.post(func() { c.to.Need(id, int(n.seen), asked) })
	}
	return nil
}

// add adds an item to a need; answers is how many the call has got.
func (n *need) add(said *pluginv1.Need, answers uint32) error {
	count := n.requests + len(said.GetRequests())
	switch {
	case n.whole:
		return fmt.Errorf("it used the id %d for two needs", said.GetId())
	case n.seen != said.GetSeen() || n.seen > answers:
		return fmt.Errorf("it asked after %d answers, and got %d", said.GetSeen(), answers)
	case count > proto.MaxRequests:
		return fmt.Errorf("a need has more than %d requests", proto.MaxRequests)
	case count == 0 && !said.GetMore():
		return errors.New("a need has no requests")
	}
	asked, err := requests(said.GetRequests())
	if err != nil {
		return err
	}
	n.requests, n.asked, n.whole = count, append(n.asked, asked...), !said.GetMore()
	return nil
}

// returns ends the call with its result.
func (c *call) returns(said *pluginv1.Result) error {
	if said.GetElement() != 0 {
		return errors.New("it returned an element of a call that is no batch")
	}
	result, err := c.result(said.GetValue(), 0)
	if err != nil {
		c.finish(result, &executor.Failure{Message: "take its result: " + err.Error(), Exit: -1})
		return nil
	}
	c.finish(result, nil)
	return nil
}

// fails ends the call without a result.
func (c *call) fails(said *pluginv1.Failure) error {
	if said.Element != nil {
		return errors.New("it failed an element of a call that is no batch")
	}
	f := &executor.Failure{Message: said.GetMessage(), Details: said.GetDetails(), Exit: -1, Retry: said.GetRetryable(), Unmet: said.GetUnmet()}
	if f.Message == "" {
		f.Message = "it failed and did not say why"
	}
	if after := said.GetRetryAfter(); after != nil {
		f.After = max(after.AsDuration(), 0)
	}
	c.finish(executor.Payload{}, f)
	return nil
}

// didYouMean suggests the nearest of names.
func didYouMean(name string, names []string) string {
	near := graph.Nearest(name, names)
	if near == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", near)
}
