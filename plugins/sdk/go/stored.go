package calyx

import (
	"errors"
	"fmt"
	"reflect"

	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// Source says where the value of a stored input comes from: FromValue, FromPath, FromGlob or FromEnv.
type Source func(*pluginv1.Stored) error

// FromValue is a parameter that `calyx set` changes, with its first value.
func FromValue(v any) Source {
	return func(s *pluginv1.Stored) error {
		l, err := literalOf(reflect.ValueOf(v), 0)
		s.Source = &pluginv1.Stored_Value{Value: l}
		return err
	}
}

// FromPath is a file or folder of the workspace.
func FromPath(path string) Source {
	return func(s *pluginv1.Stored) error {
		s.Source = &pluginv1.Stored_Path{Path: []byte(path)}
		return nil
	}
}

// FromGlob are the files that match a pattern.
func FromGlob(pattern string) Source {
	return func(s *pluginv1.Stored) error {
		s.Source = &pluginv1.Stored_Glob{Glob: []byte(pattern)}
		return nil
	}
}

// FromEnv is an environment variable, with the value where it is not set.
func FromEnv(name, fallback string) Source {
	return func(s *pluginv1.Stored) error {
		s.Source = &pluginv1.Stored_Env{Env: text(name)}
		s.Default = &pluginv1.Literal{Kind: &pluginv1.Literal_Text{Text: text(fallback)}}
		return nil
	}
}

// Stored declares an input, for Calyxfiles that say use(plugin): calls read it with Param, or as the files that it names.
// What is wrong with it is told when the plugin is served.
func Stored(p *Plugin, name string, from Source, doc string) {
	s := &pluginv1.Stored{Name: name, Doc: text(doc)}
	err := from(s)
	if !functionName.MatchString(name) {
		err = errors.Join(err, errors.New("that is no name for an input"))
	}
	if err != nil {
		p.wrong = append(p.wrong, fmt.Errorf("stored %q: %w", name, err))
		return
	}
	p.stored = append(p.stored, s)
}
