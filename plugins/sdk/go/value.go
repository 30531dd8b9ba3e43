package calyx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// Media types with a meaning of their own.
const (
	mediaJSON   = "application/json"
	mediaBinary = "application/octet-stream"
	mediaTree   = "application/vnd.calyx.tree"
	mediaList   = "application/vnd.calyx.list"
)

// File is a file: as a parameter one that the function may read, as a result one that it has written to the call's
// scratch folder or OutDir.
type File struct{ Path string }

// Dir is a folder, with the same rules as File.
type Dir struct{ Path string }

// None is the result of a function that returns nothing.
type None struct{}

// Value is a value of any type: what a node gave, or what a function returns.
type Value struct {
	call *Call
	v    *pluginv1.Value
}

// FileResult is a result that the function has written to a file, in the call's scratch folder or OutDir, with its media
// type: "application/x-npy", "application/vnd.safetensors", …
func FileResult(path, media string) Value {
	return Value{v: &pluginv1.Value{MediaType: text(media), Content: &pluginv1.Value_Path{Path: []byte(path)}}}
}

// DirResult is a folder that the function has built in the call's OutDir or scratch folder.
func DirResult(path string) Value { return FileResult(path, mediaTree) }

// BytesResult is a result of the given media type.
func BytesResult(data []byte, media string) Value {
	return Value{v: &pluginv1.Value{MediaType: text(media), Content: &pluginv1.Value_Inline{Inline: data}}}
}

// Media returns the media type, empty where there is no value.
func (v Value) Media() string { return v.v.GetMediaType() }

// Items returns the elements of a list of values, nil for any other value.
func (v Value) Items() []Value {
	if v.v.GetList() == nil {
		return nil
	}
	items := make([]Value, len(v.v.GetList().GetItems()))
	for i, item := range v.v.GetList().GetItems() {
		items[i] = Value{call: v.call, v: item}
	}
	return items
}

// Bytes returns the bytes of the value.
func (v Value) Bytes() ([]byte, error) {
	switch content := v.v.GetContent().(type) {
	case *pluginv1.Value_Inline:
		return content.Inline, nil
	case *pluginv1.Value_Path:
		return os.ReadFile(string(content.Path))
	case nil:
		return nil, nil
	}
	return nil, errors.New("a list of values has no bytes")
}

// Path returns the path of a read-only file or folder with the value, for programs that map or open files. It writes a
// file where the value is small and has none.
func (v Value) Path() (string, error) {
	if path := v.v.GetPath(); path != nil {
		return string(path), nil
	}
	if v.call == nil || v.v.GetList() != nil {
		return "", errors.New("the value has no file")
	}
	path, err := v.call.newFile("")
	if err != nil {
		return "", err
	}
	return path, os.WriteFile(path, v.v.GetInline(), 0o400)
}

// ours reports whether a path lies where the call may leave results.
func (c *Call) ours(path string) bool {
	for _, dir := range []string{string(c.start.GetScratch()), string(c.start.GetOutDir())} {
		if dir != "" && (path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")) {
			return true
		}
	}
	return false
}

// result makes a file or folder fit to be returned. One that the call was given is copied: it is not the call's.
func (c *Call) result(path, media string) (*pluginv1.Value, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	st, err := os.Stat(full)
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		media = mediaTree
	}
	if !c.ours(full) {
		name, err := c.newFile("-" + filepath.Base(full))
		if err != nil {
			return nil, err
		}
		if err := copyTo(name, full, st); err != nil {
			return nil, fmt.Errorf("pass %q through: %w", path, err)
		}
		full = name
	}
	return &pluginv1.Value{MediaType: media, Executable: !st.IsDir() && st.Mode()&0o111 != 0, Content: &pluginv1.Value_Path{Path: []byte(full)}}, nil
}
