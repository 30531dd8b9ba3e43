package host_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/plugins/host"
)

// counter is a handler that only counts ends.
type counter struct {
	ended *sync.WaitGroup
	slot  chan struct{}
	t     testing.TB
	call  executor.Call
	ready chan struct{}
}

func (c *counter) Need(id uint64, _ int, requests []trace.Request) {
	<-c.ready
	answers := make([]executor.Answer, len(requests))
	for i := range answers {
		answers[i].Payload = jsonPayload("1")
	}
	c.call.Answer(id, answers)
}
func (c *counter) Observed(trace.Request, *hashing.Stat) {}
func (c *counter) Progress(float64, float64, string)     {}
func (c *counter) Metric(trace.Metric)                   {}
func (c *counter) Done(o executor.Outcome) {
	if o.Failure != nil {
		c.t.Error(o.Failure)
	}
	<-c.slot
	c.ended.Done()
}

func benchmark(b *testing.B, function string, atOnce int) {
	h := host.New(host.Options{})
	defer func() {
		if err := h.Close(); err != nil {
			b.Error(err)
		}
	}()
	plugin := program("echo", 1)
	if _, err := h.Describe(b.Context(), plugin); err != nil {
		b.Fatal(err)
	}
	slots := make(chan struct{}, atOnce)
	var ended sync.WaitGroup
	scratch := b.TempDir()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		slots <- struct{}{}
		ended.Add(1)
		c := &counter{ended: &ended, slot: slots, t: b, ready: make(chan struct{})}
		c.call = h.Start(&executor.Task{Node: "n", Scratch: scratch, Function: &executor.Function{
			Plugin: plugin, Name: function, Args: []executor.Argument{{Name: "text", Value: jsonPayload(`"x"`)}},
		}}, c)
		close(c.ready)
	}
	ended.Wait()
	b.StopTimer()
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB-heap")
}

func BenchmarkCallsOneByOne(b *testing.B)   { benchmark(b, "echo", 1) }
func BenchmarkCallsTwoAtOnce(b *testing.B)  { benchmark(b, "echo", 2) }
func BenchmarkCalls32AtOnce(b *testing.B)   { benchmark(b, "echo", 32) }
func BenchmarkCalls1000AtOnce(b *testing.B) { benchmark(b, "echo", 1000) }
func BenchmarkNeeds32AtOnce(b *testing.B)   { benchmark(b, "asks", 32) }

// BenchmarkStart starts a process, calls one function and ends the process.
func BenchmarkStart(b *testing.B) {
	for range b.N {
		h := host.New(host.Options{})
		done := make(chan event, 10)
		h.Start(&executor.Task{Node: "n", Scratch: b.TempDir(), Function: &executor.Function{Plugin: program("echo", 1), Name: "echo"}}, recorder{done})
		if e := <-done; e.outcome == nil || e.outcome.Failure != nil {
			b.Fatal(e)
		}
		if err := h.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnary is the yardstick: a unary call through gRPC to the same process.
func BenchmarkUnary(b *testing.B) {
	h := host.New(host.Options{})
	defer func() { _ = h.Close() }()
	for range b.N {
		if _, err := h.Describe(b.Context(), program("echo", 1)); err != nil {
			b.Fatal(err)
		}
	}
}
