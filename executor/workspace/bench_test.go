package workspace_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/executor/workspace"
)

const benchmarkFiles = 10000

// manyOutputs makes outputs of a few hundred bytes each, in two states.
func manyOutputs(b *testing.B, l *lab) (one, two []workspace.Output) {
	b.Helper()
	fill := func(text string) []workspace.Output {
		outs := []workspace.Output{}
		for i := range benchmarkFiles {
			p := fmt.Sprintf("out/%d/%d", i%100, i)
			l.write(p, fmt.Sprintf("%s %d %0300d", text, i, i))
			outs = append(outs, workspace.Output{Node: "n", Instance: "main", Path: p})
		}
		captured, err := l.ws.Capture(context.Background(), outs...)
		l.check(err)
		var txn cas.Txn
		for i, c := range captured {
			txn.Blobs = append(txn.Blobs, c.Blobs...)
			txn.Put = append(txn.Put, l.ws.Row(c.Output))
			outs[i] = c.Output
		}
		_, err = cas.Commit(context.Background(), l.store, txn)
		l.check(err)
		return outs
	}
	return fill("one"), fill("two")
}

// BenchmarkSwitch restores 10,000 small outputs over those of another state, and again over nothing; BenchmarkCopy is what
// it is compared with.
func BenchmarkSwitch(b *testing.B) {
	for _, remove := range []bool{false, true} {
		b.Run(fmt.Sprintf("removed=%v", remove), func(b *testing.B) {
			l := newLab(b)
			one, two := manyOutputs(b, l)
			for b.Loop() {
				b.StopTimer()
				if remove {
					l.check(os.RemoveAll(l.at("out")))
				}
				l.reopen()
				b.StartTimer()
				did, err := l.ws.RestoreAll(context.Background(), one)
				l.check(err)
				if !did[0].Written {
					b.Fatalf("%+v", did[0])
				}
				one, two = two, one
			}
		})
	}
}

// BenchmarkCopy is cp -r of the same files.
func BenchmarkCopy(b *testing.B) {
	l := newLab(b)
	manyOutputs(b, l)
	for b.Loop() {
		b.StopTimer()
		l.check(os.RemoveAll(l.at("copy")))
		b.StartTimer()
		l.check(exec.Command("cp", "-r", l.at("out"), l.at("copy")).Run())
	}
}

// BenchmarkLook recognises 10,000 outputs by their stats, in a process that knows nothing yet.
func BenchmarkLook(b *testing.B) {
	l := newLab(b)
	_, outs := manyOutputs(b, l)
	l.reopen()
	_, err := l.ws.LookAll(context.Background(), outs)
	l.check(err)
	for b.Loop() {
		b.StopTimer()
		l.reopen()
		b.StartTimer()
		states, err := l.ws.LookAll(context.Background(), outs)
		l.check(err)
		if states[0] != workspace.Right {
			b.Fatal(states[0])
		}
	}
}

// BenchmarkCapture takes 10,000 small outputs, one step each.
func BenchmarkCapture(b *testing.B) {
	l := newLab(b)
	_, outs := manyOutputs(b, l)
	for b.Loop() {
		for _, o := range outs {
			_, err := l.ws.Capture(context.Background(), o)
			l.check(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/benchmarkFiles, "µs/output")
}

// BenchmarkStep is what the workspace adds to a step with one input and one output, beside its commit.
func BenchmarkStep(b *testing.B) {
	ctx := context.Background()
	l := newLab(b)
	in := l.madeFile("in", "input")
	i := 0
	for b.Loop() {
		i++
		out := workspace.Output{Node: "n", Instance: "main", Path: fmt.Sprintf("out/%d", i)}
		release, err := l.ws.Hold(ctx, []workspace.Output{in}, []workspace.Output{out}, func() {})
		l.check(err)
		scratch, err := l.ws.Scratch()
		l.check(err)
		l.check(os.WriteFile(l.at(out.Path), []byte(out.Path), 0o644)) // the step
		captured, err := l.ws.Capture(ctx, out)
		l.check(err)
		_ = l.ws.Row(captured[0].Output)
		l.ws.Settle(out)
		l.check(l.ws.Recycle(scratch))
		release()
	}
}
