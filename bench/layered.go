package main

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
)

// depth is how many steps follow one another in every generated graph.
const depth = 10

// sourceSize is the length of a source file in bytes; a step's output is as long as all sources above it.
const sourceSize = 200

// layered is a graph of steps in columns of depth steps, with as many source files. Each step joins the output of the
// step above it, where there is one, with a source of its own. So the edit of one source at the top reaches ten steps,
// and all of them change their output.
type layered struct{ steps int }

func (g layered) width() int { return g.steps / depth }

// each yields the layer and the column of every step, columns first.
func (g layered) each() iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for column := range g.width() {
			for layer := range depth {
				if !yield(layer, column) {
					return
				}
			}
		}
	}
}

func source(layer, column int) string { return place("src/", layer, column) }
func output(layer, column int) string { return place("out/", layer, column) }

func place(folder string, layer, column int) string {
	return folder + strconv.Itoa(layer) + "/" + strconv.Itoa(column)
}

// inputs are the files that a step joins, in order.
func inputs(layer, column int) []string {
	if layer == 0 {
		return []string{source(layer, column)}
	}
	return []string{output(layer-1, column), source(layer, column)}
}

// writeSources makes the sources under dir, and the empty folders that the outputs go to (not every tool makes them).
func (g layered) writeSources(dir string) error {
	if err := g.makeFolders(dir, "src"); err != nil {
		return err
	}
	if err := g.makeFolders(dir, "out"); err != nil {
		return err
	}
	for layer, column := range g.each() {
		if err := writeSource(dir, layer, column, "first"); err != nil {
			return err
		}
	}
	return nil
}

func (g layered) makeFolders(dir, folder string) error {
	for layer := range depth {
		if err := os.MkdirAll(filepath.Join(dir, folder, strconv.Itoa(layer)), 0o777); err != nil {
			return err
		}
	}
	return nil
}

// checkOutputs is an error where a build left one of the last layer's outputs unmade.
func (g layered) checkOutputs(dir string) error {
	for column := range g.width() {
		if _, err := os.Lstat(filepath.Join(dir, output(depth-1, column))); err != nil {
			return fmt.Errorf("check the outputs: %w", err)
		}
	}
	return nil
}

// checkHolds is an error where the last output of a column does not hold text: the build did not do its work.
func checkHolds(dir string, column int, text string) error {
	path := output(depth-1, column)
	content, err := os.ReadFile(filepath.Join(dir, path))
	if err == nil && !bytes.Contains(content, []byte(text)) {
		err = fmt.Errorf("check the output %q: it does not hold %q", path, text)
	}
	return err
}

// writeSource gives a source a content of sourceSize bytes that depends on its place and the edition.
func writeSource(dir string, layer, column int, edition string) error {
	text := fmt.Appendf(nil, "%s edition of source %d of layer %d ", edition, column, layer)
	text = append(text, bytes.Repeat([]byte("."), max(0, sourceSize-1-len(text)))...)
	return os.WriteFile(filepath.Join(dir, source(layer, column)), append(text, '\n'), 0o666)
}
