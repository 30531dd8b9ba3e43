package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/hashing"
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
	case "digest-file":
		return true, digestFile(args[1])
	case "digest-tree":
		return true, digestTree(args[1])
	}
	return false, nil
}

// digestFile prints the digest of a file, as b3sum would.
func digestFile(path string) error {
	clock, err := hashing.FileClock(os.TempDir())
	if err != nil {
		return err
	}
	r, err := hashing.ReadRecord(path, clock)
	fmt.Println(r.Digest.Hex())
	return err
}

// digestTree prints the digest of a folder, for which each of its files is digested.
func digestTree(path string) error {
	clock, err := hashing.FileClock(os.TempDir())
	if err != nil {
		return err
	}
	t, err := hashing.ReadTree(context.Background(), path, hashing.TreeOptions{Memo: hashing.NewMemo(clock)})
	if err != nil {
		return err
	}
	fmt.Println(t.Tree.Digest().Hex())
	return nil
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
