package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unicode/utf8"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/tensors"
)

// printValue prints a node's value by the rules of `calyx get`.
func (a *app) printValue(t executor.TargetValue, p executor.Payload, asJSON bool) error {
	if t.Tree != nil {
		return a.printListing(filesIn(t.Tree, t.Base), asJSON)
	}
	target := t.Target
	if asJSON {
		v, err := jsonValue(p)
		if err != nil {
			return fmt.Errorf("show the value of %q: %w", target, err)
		}
		return a.printJSON(v)
	}
	text, err := valueOfText(p)
	switch {
	case err != nil:
		return fmt.Errorf("show the value of %q: %w", target, err)
	case text != nil:
		return a.printPrinted(bytes.NewBufferString(*text))
	}
	return a.printFile(target, p)
}

// valueOfText returns the text of a value that has one, or nil for a file, whose bytes are the answer.
func valueOfText(p executor.Payload) (*string, error) {
	var text string
	switch {
	case p.Value.Media == trace.MediaNone:
	case p.Value.Media == trace.MediaJSON && p.Path == "":
		var ok bool
		if text, ok = scalarText(p.Inline); !ok {
			return nil, nil // a file that is no JSON after all is shown as bytes
		}
	case p.Value.Media == trace.MediaTree:
		list, err := listing(p)
		if err != nil {
			return nil, err
		}
		text = listingText(list)
	case p.Value.Media == trace.MediaParts:
		parts, err := trace.Parts(p.Inline)
		if err != nil {
			return nil, err
		}
		for _, part := range parts {
			text += console.Line(part.Name) + "\n"
		}
	case p.Value.Media == trace.MediaList:
		v, err := jsonValue(p)
		if err != nil {
			return nil, err
		}
		encoded, err := encodeJSON(v, "")
		if err != nil {
			return nil, err
		}
		text = string(encoded)
	default:
		d, err := describe(p)
		if d == nil || errors.Is(err, tensors.ErrContent) {
			return nil, nil // it is shown as bytes
		}
		if err != nil {
			return nil, err
		}
		text = d.String()
	}
	return &text, nil
}

// scalarText writes JSON as it is, and a string as what it spells.
func scalarText(encoded []byte) (text string, ok bool) {
	v, err := graph.ParseJSON(encoded)
	if err != nil {
		return "", false
	}
	if s, ok := v.(string); ok {
		return s + "\n", true
	}
	return string(bytes.TrimSpace(encoded)) + "\n", true
}

// describe tells what arrays a value holds; nil for one that has none.
func describe(p executor.Payload) (*tensors.Description, error) {
	r, size, closing, err := content(p)
	if err != nil {
		return nil, err
	}
	defer closing()
	return tensors.Describe(r, size, p.Value.Media)
}

// content opens the bytes of a value.
func content(p executor.Payload) (r interface {
	io.Reader
	io.ReaderAt
}, size int64, closing func(), err error) {
	if p.Path == "" {
		return bytes.NewReader(p.Inline), int64(len(p.Inline)), func() {}, nil
	}
	f, err := os.Open(p.Path)
	if err != nil {
		return nil, 0, nil, err
	}
	closing = func() { _ = f.Close() } // it was only read
	info, err := f.Stat()
	if err != nil {
		closing()
		return nil, 0, nil, err
	}
	return f, info.Size(), closing, nil
}

// sniffed is how much of a file decides whether it is text.
const sniffed = 64 << 10

// printFile prints a file's bytes. A terminal gets text alone, made safe.
func (a *app) printFile(target string, p executor.Payload) error {
	r, size, closing, err := content(p)
	if err != nil {
		return fmt.Errorf("read the value of %q: %w", target, err)
	}
	defer closing()
	if !isTerminal(a.stdout) {
		_, err := io.Copy(a.stdout, r)
		return err
	}
	head := make([]byte, min(size, sniffed))
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, size), head); err != nil {
		return fmt.Errorf("read the value of %q: %w", target, err)
	}
	if !isText(head) {
		return usage(fmt.Sprintf("`calyx get %s -o PATH` writes it to a file", shellWord(target)),
			"print %q: it is binary (%s), and standard output is a terminal", target, console.Size(size))
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(r); err != nil {
		return err
	}
	return a.printPrinted(&text)
}

// isText reports whether a file that begins so is text: UTF-8 without NUL. The last character may be cut.
func isText(head []byte) bool {
	for cut := range min(utf8.UTFMax, len(head)+1) {
		if utf8.Valid(head[:len(head)-cut]) {
			return !bytes.ContainsRune(head, 0)
		}
	}
	return false
}

// fileAnswer is what JSON says of a value that is no JSON.
type fileAnswer struct {
	Media  string               `json:"media"`
	Digest hashing.Digest       `json:"digest"`
	Size   int64                `json:"size"`
	Arrays *tensors.Description `json:"tensors,omitempty"`
}

// jsonValue returns a value as JSON shows it: a JSON value itself, a text as a string, a tree as its listing, a list as the
// list of its elements, and of other files what they are.
func jsonValue(p executor.Payload) (any, error) {
	switch p.Value.Media {
	case trace.MediaNone:
		return nil, nil
	case trace.MediaTree:
		return listing(p)
	case trace.MediaList:
		return jsonItems(p.Items)
	case trace.MediaParts:
		return jsonParts(p.Inline)
	}
	d, err := describe(p)
	if err != nil && !errors.Is(err, tensors.ErrContent) {
		return nil, err
	}
	if d != nil {
		return fileAnswer{p.Value.Media, p.Value.Digest, p.Value.Size, d}, nil
	}
	r, size, closing, err := content(p)
	if err != nil {
		return nil, err
	}
	defer closing()
	if size > maxJSONText {
		return fileAnswer{p.Value.Media, p.Value.Digest, p.Value.Size, nil}, nil
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return jsonText(p, text), nil
}

// maxJSONText is the size of the largest file that becomes a string of JSON.
const maxJSONText = 64 << 20

func jsonText(p executor.Payload, text []byte) any {
	switch {
	case p.Value.Media == trace.MediaJSON && json.Valid(text):
		return json.RawMessage(text)
	case isText(text) && utf8.Valid(text):
		return string(text)
	}
	return fileAnswer{p.Value.Media, p.Value.Digest, p.Value.Size, nil}
}

// partAnswer is what JSON says of one of several outputs.
type partAnswer struct {
	Name   string         `json:"name"`
	Media  string         `json:"media"`
	Digest hashing.Digest `json:"digest"`
	Size   int64          `json:"size"`
}

func jsonParts(blob []byte) (any, error) {
	parts, err := trace.Parts(blob)
	list := []partAnswer{}
	for _, p := range parts {
		list = append(list, partAnswer{p.Name, p.Value.Media, p.Value.Digest, p.Value.Size})
	}
	return list, err
}

func jsonItems(items []executor.Payload) (any, error) {
	list := []any{}
	for _, item := range items {
		v, err := jsonValue(item)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// writeValue writes a value to a path: a file's bytes, a folder with its files, or the text of a scalar.
func (s *session) writeValue(ctx context.Context, path string, t executor.TargetValue, p executor.Payload) error {
	if p.Value.Media == trace.MediaParts {
		parts, err := trace.Parts(p.Inline)
		if err != nil {
			return err
		}
		return usage("name one of them, as in "+t.Target+":"+parts[0].Name, "write the value of %q to %q: it has several outputs", t.Target, path)
	}
	write := s.writeContent
	if t.Tree != nil && p.Path == "" {
		write = s.writeMatches(t)
	}
	if err := write(ctx, path, p); err != nil {
		return &failure{status: exitFailed, err: fmt.Errorf("write the value of %q to %q: %w", t.Target, path, causeOf(err))}
	}
	return nil
}

func (s *session) writeContent(ctx context.Context, path string, p executor.Payload) error {
	if p.Value.Media == trace.MediaTree {
		return s.writeTree(ctx, path, p)
	}
	text, err := valueOfText(p)
	switch {
	case err != nil:
		return err
	case text != nil && !isArray(p):
		return os.WriteFile(path, []byte(*text), 0o644)
	case isFile(path, p.Path):
		return nil // the value is there, and opening the file for writing would empty it
	}
	r, _, closing, err := content(p)
	if err != nil {
		return err
	}
	defer closing()
	return writeFrom(path, r, p.Value.Exec)
}

// isArray reports whether a value's text only describes it.
func isArray(p executor.Payload) bool {
	switch p.Value.Media {
	case trace.MediaNone, trace.MediaJSON, trace.MediaList:
		return false
	}
	return true
}

// isFile reports whether two paths lead to one file.
func isFile(a, b string) bool {
	at, err := os.Stat(a)
	if err != nil {
		return false
	}
	of, err := os.Stat(b)
	return err == nil && os.SameFile(at, of)
}

func writeFrom(path string, r io.Reader, exec bool) error {
	perm := fs.FileMode(0o644)
	if exec {
		perm = 0o755
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
