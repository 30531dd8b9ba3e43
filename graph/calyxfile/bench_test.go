package calyxfile_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// inLoop declares n steps in a loop, each with a source of its own.
func inLoop(n int) string {
	return fmt.Sprintf(`
for i in range(%d):
    step("n%%d" %% i, sh = "cat src/%%d.txt {n} > {out}" %% i, args = dict(n = i), outs = ["out/%%d.txt" %% i])
`, n)
}

// writtenOut declares n steps one by one, each reading the output of the one before.
func writtenOut(n int) string {
	var b strings.Builder
	b.WriteString("n0 = stored(\"n0\", path = \"src/0.txt\")\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "n%d = step(\"n%d\", cmd = [\"cp\", n%d, out(\"out/%d.txt\")])\n", i, i, i-1, i)
	}
	return b.String()
}

func BenchmarkEvaluate(b *testing.B) {
	for name, source := range map[string]func(int) string{"loop": inLoop, "written": writtenOut} {
		for _, n := range []int{1_000, 10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) { benchmarkEvaluate(b, source(n)) })
		}
	}
}

// benchmarkEvaluate also reports what the declarations hold when everything else is collected.
func benchmarkEvaluate(b *testing.B, text string) {
	b.ReportAllocs()
	var held uint64
	for b.Loop() {
		var before, after runtime.MemStats
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		d := (&world{}).must(b, text)
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&after)
		held = after.HeapAlloc - before.HeapAlloc
		runtime.KeepAlive(d)
		b.StartTimer()
	}
	b.ReportMetric(float64(held), "held-B")
}
