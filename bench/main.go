// Bench measures calyx beside other build tools, in turn and in the same run, and prints one table of ratios.
//
//	go run ./bench -calyx bin/calyx [-rows noop,edit,…] [-sizes 1k,10k,100k] [-quick] [-json]
//
// Absolute times say little about another machine; ratios travel. Every figure is the median of interleaved runs
// (A B A B …), so that whatever else the machine does falls on all contenders alike. Tools that are not installed are
// shown as such. The table shows the median of the rounds' ratios, each of times that were taken one after the other, and their
// spread; where a limit lies within the spread, the verdict is marked undecided: the machine was too busy to tell. Everything
// happens in one temporary folder, which is removed at the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if done, err := asContender(os.Args[1:]); done {
		exit(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	exit(err)
}

func exit(err error) {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	}
	fmt.Fprintln(os.Stderr, "bench: error:", err)
	os.Exit(1)
}

// options is the command line.
type options struct {
	calyx   string
	groups  []group
	sizes   []int
	runs    int
	json    bool
	quick   bool
	timeout time.Duration
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "calyx-bench-")
	if err != nil {
		return err
	}
	l, err := newLab(dir, calyx(o.calyx), peers(), o)
	if err != nil {
		return err
	}
	defer l.close()
	var rows []row
	for _, g := range o.groups {
		rows = append(rows, g.rows(ctx, l)...)
	}
	if o.json {
		return writeJSON(os.Stdout, rows)
	}
	return writeTable(os.Stdout, rows)
}

func parse(args []string) (options, error) {
	var o options
	var names, sizes string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.calyx, "calyx", "bin/calyx", "the calyx to measure")
	f.StringVar(&names, "rows", "", "which rows, by comma: "+strings.Join(groupNames(), ", ")+" (default: all)")
	f.StringVar(&sizes, "sizes", "", "steps of the generated graphs, by comma (default 1k,10k,100k)")
	f.IntVar(&o.runs, "runs", 5, "runs of each contender; full builds take at most three")
	f.BoolVar(&o.json, "json", false, "print the rows as JSON")
	f.BoolVar(&o.quick, "quick", false, "sizes 1k,10k, three runs, and less to digest")
	f.DurationVar(&o.timeout, "timeout", 20*time.Minute, "the longest that one command may take")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.runs < 1 {
		return o, fmt.Errorf("read -runs: %d is not a number of runs", o.runs)
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("read the command line: unknown argument %q", f.Arg(0))
	}
	if o.quick {
		o.runs = min(o.runs, 3)
	}
	return o, o.choose(names, sizes)
}

// choose reads the lists of rows and sizes.
func (o *options) choose(names, sizes string) (err error) {
	if o.calyx, err = filepath.Abs(o.calyx); err != nil {
		return err
	}
	if o.groups, err = groupsNamed(names); err != nil {
		return err
	}
	if sizes == "" {
		sizes = "1k,10k,100k"
		if o.quick {
			sizes = "1k,10k"
		}
	}
	for _, s := range strings.Split(sizes, ",") {
		n, err := parseSize(s)
		if err != nil {
			return err
		}
		o.sizes = append(o.sizes, n)
	}
	slices.Sort(o.sizes)
	return nil
}

// parseSize reads a number of steps, such as 500 or 10k: a multiple of the graphs' depth.
func parseSize(s string) (int, error) {
	digits, thousands := strings.CutSuffix(s, "k")
	n, err := strconv.Atoi(digits)
	if thousands {
		n *= 1000
	}
	if err != nil || n <= 0 || n%depth != 0 {
		return 0, fmt.Errorf("read -sizes: %q is not a multiple of %d such as 10k", s, depth)
	}
	return n, nil
}
