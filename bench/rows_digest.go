package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// smallFile is the size of one of the many files to digest.
const smallFile = 4096

// digestRows measures digests of one large file and of many small ones beside b3sum.
func digestRows(ctx context.Context, l *lab) []row {
	size, files := int64(1<<30), 100_000
	if l.quick {
		size, files = size/4, files/10
	}
	rows := l.digest(ctx, fmt.Sprintf("digest of a file of %d MiB", size>>20), l.atLeast(0.65), "digest-file",
		"large", []string{"b3sum", "large"}, func(dir string) error { return writeNoise(filepath.Join(dir, "large"), size) })
	return append(rows, l.digest(ctx, fmt.Sprintf("digest of %d files of 4 KiB", files), l.atLeast(1.2), "digest-tree",
		".", []string{"sh", "-c", "find . -type f -print0 | xargs -0 b3sum"}, func(dir string) error { return writeSmall(dir, files) })...)
}

// atLeast is a limit on the speed in relation to b3sum's; it is meant for the full sizes.
func (l *lab) atLeast(speed float64) *limit {
	if l.quick {
		return nil
	}
	return &limit{Of: ofSpeed, Least: true, Value: speed}
}

// digest measures one of this program's digests beside b3sum over the same files.
func (l *lab) digest(ctx context.Context, work string, must *limit, mode, path string, argv []string, write func(dir string) error) []row {
	if _, err := exec.LookPath("b3sum"); err != nil {
		return []row{{Work: work, Peer: "b3sum", Verdict: "not installed"}}
	}
	dir := filepath.Join(l.dir, mode)
	if err := write(dir); err != nil {
		return failed(work, err)
	}
	defer os.RemoveAll(dir)
	l.say("%s", work)
	all := []contender{
		{name: "calyx", run: func(ctx context.Context) (sample, error) { return l.self(ctx, dir, mode, path) }},
		{name: "b3sum", run: func(ctx context.Context) (sample, error) { return command(ctx, l.timeout, dir, argv...) }},
	}
	interleave(ctx, 1, all)
	measured := interleave(ctx, l.runs, all)
	return compare(work, "ms", measured, nil, milliseconds, must.against("b3sum"))
}

// noise is a stream of bytes that do not shrink, the same in every run.
func noise() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{}) }

func writeNoise(path string, size int64) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	part, from := make([]byte, 1<<16), noise()
	for ; size > 0; size -= int64(len(part)) {
		_, _ = from.Read(part) // a generator does not fail
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func writeSmall(dir string, files int) error {
	part, from := make([]byte, smallFile), noise()
	for i := range files {
		folder := filepath.Join(dir, strconv.Itoa(i%100))
		if i < 100 {
			if err := os.MkdirAll(folder, 0o777); err != nil {
				return err
			}
		}
		_, _ = from.Read(part) // a generator does not fail
		if err := os.WriteFile(filepath.Join(folder, strconv.Itoa(i)), part, 0o666); err != nil {
			return err
		}
	}
	return nil
}
