package main

import (
	"fmt"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// asContender runs this program as one of those that are measured: `stat STEPS`, `digest-file PATH`, `digest-tree PATH`.
// It reports false where the arguments are not of that form.
func asContender(args []string) (bool, error) {
	if len(args) != 2 {
		return false, nil
	}
	switch args[0] {
	case "stat":
		steps, err := strconv.Atoi(args[1])
		if err != nil {
			return true, err
		}
		return true, statAll(layered{steps})
	}
	return false, nil
}

// statAll asks for the state of every source and output of the graph in the working directory, from two goroutines.
func statAll(g layered) error {
	var errs [2]error
	var both sync.WaitGroup
	for half := range errs {
		both.Go(func() { errs[half] = statHalf(g, half) })
	}
	both.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func statHalf(g layered, half int) error {
	var st unix.Stat_t
	for layer, column := range g.each() {
		if column%2 != half {
			continue
		}
		for _, path := range []string{source(layer, column), output(layer, column)} {
			if err := unix.Lstat(path, &st); err != nil {
				return fmt.Errorf("stat %q: %w", path, err)
			}
		}
	}
	return nil
}
