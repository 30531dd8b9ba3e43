package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/proto"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// result takes a value that a function returned. Its digest is not the plugin's to say.
func (c *call) result(v *pluginv1.Value, depth int) (executor.Payload, error) {
	p := executor.Payload{Value: trace.Value{Media: v.GetMediaType(), Exec: v.GetExecutable()}}
	switch content := v.GetContent().(type) {
	case nil:
		if v.GetMediaType() != trace.MediaNone {
			return p, errors.New("it has a media type, but no content")
		}
		return p, nil
	case *pluginv1.Value_Inline:
		if len(content.Inline) > proto.MaxInline {
			return p, fmt.Errorf("it has %d bytes inline, and %d are allowed: larger values are files", len(content.Inline), proto.MaxInline)
		}
		if v.GetMediaType() == trace.MediaTree {
			return p, errors.New("a folder cannot be inline")
		}
		p.Inline = content.Inline
		return p, nil
	case *pluginv1.Value_Path:
		p.Path = string(content.Path)
		return p, c.checkPath(p)
	case *pluginv1.Value_List:
		return c.list(p, content.List, depth)
	}
	return p, errors.New("it has content of no known kind")
}

func (c *call) list(p executor.Payload, l *pluginv1.ValueList, depth int) (executor.Payload, error) {
	if depth == deepest {
		return p, fmt.Errorf("it is nested more than %d deep", deepest)
	}
	p.Value.Media = trace.MediaList
	p.Items = make([]executor.Payload, len(l.GetItems()))
	for i, item := range l.GetItems() {
		var err error
		if p.Items[i], err = c.result(item, depth+1); err != nil {
			return p, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return p, nil
}

// checkPath sees to it that a result is what the call made, and nothing else of the machine.
func (c *call) checkPath(p executor.Payload) error {
	if p.Path != filepath.Clean(p.Path) || !within(p.Path, c.scratch()) && !within(p.Path, c.task.Function.OutDir) {
		return fmt.Errorf("%q is not in the call's own folders", p.Path)
	}
	st, err := os.Lstat(p.Path)
	switch {
	case err != nil:
		return err
	case p.Value.Media == trace.MediaTree && !st.IsDir():
		return fmt.Errorf("%q is no folder", p.Path)
	case p.Value.Media != trace.MediaTree && !st.Mode().IsRegular():
		return fmt.Errorf("%q is no regular file", p.Path)
	}
	return nil
}

// within reports whether a clean path is a folder or lies in it.
func within(path, dir string) bool {
	return dir != "" && (path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/"))
}

// valid makes text fit for the protocol's strings.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
