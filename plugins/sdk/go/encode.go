package calyx

import (
	"fmt"
	"os"
	"reflect"

	"github.com/calyx-build/calyx/plugins/proto"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// encode makes a value of what a function returned.
func (c *Call) encode(result any) (*pluginv1.Value, error) {
	switch r := result.(type) {
	case None:
		return &pluginv1.Value{}, nil
	case File:
		return c.result(r.Path, mediaBinary)
	case Dir:
		return c.result(r.Path, mediaTree)
	case Value:
		return c.encodeValue(r)
	case []byte:
		return c.inline(r, mediaBinary)
	}
	v := reflect.ValueOf(result)
	if v.IsValid() && v.Kind() == reflect.Slice && special(v.Type().Elem()) != "" {
		return c.encodeList(v)
	}
	text, err := encodeJSON(v)
	if err != nil {
		return nil, err
	}
	return c.inline(text, mediaJSON)
}

func (c *Call) encodeList(v reflect.Value) (*pluginv1.Value, error) {
	list := &pluginv1.ValueList{Items: make([]*pluginv1.Value, v.Len())}
	for i := range list.Items {
		var err error
		if list.Items[i], err = c.encode(v.Index(i).Interface()); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return &pluginv1.Value{MediaType: mediaList, Content: &pluginv1.Value_List{List: list}}, nil
}

func (c *Call) encodeValue(r Value) (*pluginv1.Value, error) {
	switch content := r.v.GetContent().(type) {
	case *pluginv1.Value_Path:
		return c.result(string(content.Path), r.Media())
	case *pluginv1.Value_Inline:
		return c.inline(content.Inline, r.Media())
	case *pluginv1.Value_List:
		return c.encodeList(reflect.ValueOf(r.Items()))
	}
	return &pluginv1.Value{}, nil
}

// inline makes a value of bytes, by way of a file where they are many.
func (c *Call) inline(data []byte, media string) (*pluginv1.Value, error) {
	if len(data) <= proto.MaxInline {
		return &pluginv1.Value{MediaType: media, Content: &pluginv1.Value_Inline{Inline: data}}, nil
	}
	path, err := c.newFile("")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return nil, err
	}
	return &pluginv1.Value{MediaType: media, Content: &pluginv1.Value_Path{Path: []byte(path)}}, nil
}
