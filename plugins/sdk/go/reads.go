package calyx

import (
	"errors"
	"fmt"
	"strings"

	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// The methods in this file read what lies outside the graph, and make it a dependency: files, folders, variables. Paths
// are relative to the workspace, or absolute outside it. Asking for what is not there is a dependency too: the function
// runs again once it appears.

// File returns a file. The error is ErrAbsent where there is none.
func (c *Call) File(path string) (File, error) {
	v, err := c.askOne(request{
		asked: &pluginv1.Request{Subject: &pluginv1.Request_File{File: []byte(path)}}, what: fmt.Sprintf("file %q", path),
	})
	if err != nil {
		return File{}, err
	}
	return As[File](v)
}

// ReadFile returns the bytes of a file. The error is ErrAbsent where there is none.
func (c *Call) ReadFile(path string) ([]byte, error) {
	v, err := c.askOne(request{
		asked: &pluginv1.Request{Subject: &pluginv1.Request_File{File: []byte(path)}, View: kind(pluginv1.View_KIND_BYTES)},
		what:  fmt.Sprintf("file %q", path),
	})
	if err != nil {
		return nil, err
	}
	return v.Bytes()
}

// DirEntry is what a folder holds.
type DirEntry struct {
	Name string
	Dir  bool
}

// ReadDir lists a folder, by name. The function runs again when a name comes or goes, not when a file changes. The error
// is ErrAbsent where there is no folder.
func (c *Call) ReadDir(path string) ([]DirEntry, error) {
	names, err := answer[[]string](c, &pluginv1.Request{Subject: &pluginv1.Request_Listing{Listing: []byte(path)}}, fmt.Sprintf("folder %q", path))
	entries := make([]DirEntry, len(names))
	for i, name := range names {
		entries[i].Name, entries[i].Dir = strings.CutSuffix(name, "/")
	}
	return entries, err
}

// Glob returns the paths of the files that match a pattern, in which ** stands for any folders.
func (c *Call) Glob(pattern string) ([]string, error) {
	return answer[[]string](c, &pluginv1.Request{Subject: &pluginv1.Request_Glob{Glob: []byte(pattern)}}, fmt.Sprintf("pattern %q", pattern))
}

// LookupEnv returns a variable of the user's environment, and whether it is set.
func (c *Call) LookupEnv(name string) (string, bool, error) {
	v, err := answer[string](c, &pluginv1.Request{Subject: &pluginv1.Request_Env{Env: text(name)}}, fmt.Sprintf("variable %q", name))
	if errors.Is(err, ErrAbsent) {
		return "", false, nil
	}
	return v, err == nil, err
}

// Getenv returns a variable of the user's environment, empty where it is not set.
func (c *Call) Getenv(name string) (string, error) {
	v, _, err := c.LookupEnv(name)
	return v, err
}

// Exists tells whether there is something at a path.
func (c *Call) Exists(path string) (bool, error) {
	what, err := answer[string](c, &pluginv1.Request{Subject: &pluginv1.Request_Exists{Exists: []byte(path)}}, fmt.Sprintf("path %q", path))
	if errors.Is(err, ErrAbsent) {
		return false, nil
	}
	return what != "", err
}

// Param returns the value of a stored parameter. See As for its Go type.
func (c *Call) Param(name string) (Value, error) {
	return c.askOne(request{
		asked: &pluginv1.Request{Subject: &pluginv1.Request_Parameter{Parameter: text(name)}}, what: fmt.Sprintf("parameter %q", name),
	})
}

// Param returns the value of a stored parameter, read as a T.
func Param[T any](c *Call, name string) (T, error) {
	v, err := c.Param(name)
	if err != nil {
		var none T
		return none, err
	}
	return As[T](v)
}

// Instance returns the name of the instance that is built. A function that asks has a result per instance.
func (c *Call) Instance() (string, error) {
	return answer[string](c, &pluginv1.Request{Subject: &pluginv1.Request_Instance{Instance: true}}, "the instance's name")
}

func answer[T any](c *Call, asked *pluginv1.Request, what string) (T, error) {
	v, err := c.askOne(request{asked: asked, what: what})
	if err != nil {
		var none T
		return none, err
	}
	return As[T](v)
}
