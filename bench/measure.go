package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// sample is one measured run of a program.
type sample struct {
	wall time.Duration
	peak int64 // the largest memory of the process, in bytes
}

// command runs a program to its end in dir and measures it. Its output goes to a file, not through a pipe, so that
// reading it costs the measured time nothing. A program that takes longer than limit is killed with all that it started.
func command(ctx context.Context, limit time.Duration, dir string, argv ...string) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	printed, err := os.CreateTemp("", "calyx-bench-output-")
	if err != nil {
		return sample{}, err
	}
	defer os.Remove(printed.Name())
	defer printed.Close()

	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Dir, c.Env, c.Stdout, c.Stderr = dir, environment(), printed, printed
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	started := time.Now()
	err = c.Run()
	s := sample{wall: time.Since(started)}
	if err != nil {
		return s, fmt.Errorf("run %q: %w%s", strings.Join(argv, " "), reason(ctx, err), ending(printed.Name()))
	}
	s.peak = c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS == "linux" {
		s.peak *= 1024 // Linux counts in KiB, the BSDs in bytes
	}
	return s, nil
}

// reason prefers the time limit or the interruption to the death by signal that it led to.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// ending is the end of what a failed program printed.
func ending(path string) string {
	text, err := os.ReadFile(path)
	if err != nil || len(text) == 0 {
		return ""
	}
	return ": …" + strings.TrimSpace(string(text[max(0, len(text)-300):]))
}

// constants are the variables that calyx gives to every step. A program that is told of a language reads a dozen files when it
// starts: all contenders' commands are told of the same one.
var constants = []string{"LC_ALL=C.UTF-8", "TZ=UTC", "TERM=dumb"}

// environment is the user's, without what would change how the measured tools work, and with the constants.
func environment() []string {
	own := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return strings.HasPrefix(name, "CALYX_") || slices.Contains([]string{"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "NINJA_STATUS"}, name)
	})
	return append(own, constants...) // of a name that is there twice, the last counts
}

// contender is one of those that are measured in turn.
type contender struct {
	name   string
	before func(ctx context.Context) error // not measured; may be nil
	run    func(ctx context.Context) (sample, error)
}

// series is what became of one contender: its samples, or why there are none.
type series struct {
	name    string
	samples []sample
	err     error
}

// interleave measures the contenders in turn, so many times; each round begins with another one, so that none always
// follows the same one's writes. One that fails is out.
func interleave(ctx context.Context, runs int, contenders []contender) []series {
	all := make([]series, len(contenders))
	for i, c := range contenders {
		all[i].name = c.name
	}
	for round := range runs {
		for turn := range contenders {
			i := (round + turn) % len(contenders)
			s := &all[i]
			if s.err != nil {
				continue
			}
			var one sample
			if one, s.err = contenders[i].once(ctx); s.err == nil {
				s.samples = append(s.samples, one)
			}
		}
	}
	return all
}

func (c contender) once(ctx context.Context) (sample, error) {
	if c.before != nil {
		if err := c.before(ctx); err != nil {
			return sample{}, err
		}
	}
	return c.run(ctx)
}

// seconds is the median time.
func (s series) seconds() float64 {
	return median(s.samples, func(x sample) float64 { return x.wall.Seconds() })
}

// megabytes is the median of the largest memory, in units of 10⁶ bytes.
func (s series) megabytes() float64 {
	return median(s.samples, func(x sample) float64 { return float64(x.peak) / 1e6 })
}

// median of what part gives for each sample; 0 where there are none.
func median(samples []sample, part func(sample) float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = part(s)
	}
	slices.Sort(values)
	return middle(values)
}

// middle is the median of values in ascending order, of which there is one.
func middle(values []float64) float64 {
	half := len(values) / 2
	if len(values)%2 == 1 {
		return values[half]
	}
	return (values[half-1] + values[half]) / 2
}
