package check

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/plugins/proto"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

func valueCases() []experiment {
	echo, add, tell := []string{fnEcho}, []string{fnAdd}, []string{fnTell}
	return []experiment{
		{Case: Case{"arguments", "2 + 3 is 5", add}, try: adds("5", arg("a", jsonOf("2")), arg("b", jsonOf("3")))},
		{Case: Case{"default", "filled in: 2 + 2 is 4", add}, try: adds("4", arg("a", jsonOf("2")))},
		{Case: Case{"missing argument", "a failure", add}, try: refuses(fnAdd)},
		{Case: Case{"unknown argument", "a failure", add}, try: refuses(fnAdd, arg("a", jsonOf("2")), arg("c", jsonOf("2")))},
		{Case: Case{"wrong type", "a failure", add}, try: refuses(fnAdd, arg("a", jsonOf(`[]`)))},
		{Case: Case{"numbers", "integers and floats come back as such", echo}, try: echoes(jsonOf("1"), jsonOf("-7"), jsonOf("0"), jsonOf("2.5e-3"))},
		{Case: Case{"whole floats", "1.0 comes back as a float", echo}, try: echoesWholeFloat},
		{Case: Case{"a float", "half of 4 is 2.0, with a point or an exponent", []string{fnHalf}}, try: halves},
		{Case: Case{"text", "what is not ASCII comes back", echo}, try: echoes(jsonText("naïve 日本語 🙂"), jsonText("a\"b\\c\n"), inline(trace.MediaText, "größer"))},
		{Case: Case{"empty values", "null, false, empty text, list, dictionary, bytes", echo},
			try: echoes(jsonOf("null"), jsonOf("false"), jsonOf(`""`), jsonOf("[]"), jsonOf("{}"), inline(trace.MediaBinary, ""))},
		{Case: Case{"nested values", "lists and dictionaries come back", echo}, try: echoes(jsonOf(`{"a": [1, 2.5, {"b": [null, true, "c"]}], "d": {}}`))},
		{Case: Case{"bytes", "all 256 come back", echo}, try: echoes(inline(trace.MediaBinary, allBytes()))},
		{Case: Case{"small value as a path", "read like an inline one", echo}, try: echoesFile(inline(trace.MediaJSON, `"small"`))},
		{Case: Case{"64 KiB", "inline or a path", echo}, try: echoes(inline(trace.MediaBinary, strings.Repeat("x", proto.MaxInline)))},
		{Case: Case{"large bytes", "3 MiB by paths, the given file untouched", echo}, try: echoesLargeBytes},
		{Case: Case{"large text", "1 MiB by paths, the given file untouched", echo}, try: echoesLargeText},
		{Case: Case{"no value", "an empty media type", tell}, try: returnsNothing},
	}
}

// The large values are made when they are needed: whoever only lists the cases must not pay for them.

func echoesLargeBytes(ctx context.Context, k *kit) (string, error) {
	return echoesFile(inline(trace.MediaBinary, strings.Repeat("0123456789abcdef", 3<<16)))(ctx, k)
}

func echoesLargeText(ctx context.Context, k *kit) (string, error) {
	return echoesFile(jsonText(strings.Repeat("größer ", 1<<17)))(ctx, k)
}

func allBytes() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}

func adds(want string, args ...*pluginv1.Argument) func(context.Context, *kit) (string, error) {
	return func(ctx context.Context, k *kit) (string, error) {
		s, err := k.session()
		if err != nil {
			return "", err
		}
		v, err := s.call(ctx, fnAdd, args...)
		if err != nil {
			return "", err
		}
		return spell(v), same(v, jsonOf(want))
	}
}

// refuses calls a function with arguments that it cannot take.
func refuses(function string, args ...*pluginv1.Argument) func(context.Context, *kit) (string, error) {
	return func(ctx context.Context, k *kit) (string, error) {
		s, err := k.session()
		if err != nil {
			return "", err
		}
		f, err := s.start(function, args...).fails(ctx)
		return shorten(f.GetMessage(), 80), err
	}
}

func echoes(values ...*pluginv1.Value) func(context.Context, *kit) (string, error) {
	return func(ctx context.Context, k *kit) (string, error) {
		s, err := k.session()
		if err != nil {
			return "", err
		}
		for _, v := range values {
			got, err := s.call(ctx, fnEcho, arg("value", v))
			if err == nil {
				err = same(got, v)
			}
			if err != nil {
				return "", fmt.Errorf("%s: %w", shorten(spell(v), 40), err)
			}
		}
		if len(values) == 1 {
			return "it came back", nil
		}
		return fmt.Sprintf("%d values came back", len(values)), nil
	}
}

// echoesWholeFloat cannot tell a plugin that loses the point from a language that has one kind of number.
func echoesWholeFloat(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	v, err := s.call(ctx, fnEcho, arg("value", jsonOf("1.0")))
	if err != nil {
		return "", err
	}
	if same(v, jsonOf("1")) == nil {
		return "", skip("it came back as 1: a language with one kind of number?")
	}
	return "it did", same(v, jsonOf("1.0"))
}

func halves(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	v, err := s.call(ctx, fnHalf, arg("number", jsonOf("4")))
	if err != nil {
		return "", err
	}
	return spell(v), same(v, jsonOf("2.0"))
}

// echoesFile hands a value over as a file that belongs to the host.
func echoesFile(v *pluginv1.Value) func(context.Context, *kit) (string, error) {
	return func(ctx context.Context, k *kit) (string, error) {
		s, err := k.session()
		if err != nil {
			return "", err
		}
		given, err := k.file(v)
		if err != nil {
			return "", err
		}
		got, err := s.call(ctx, fnEcho, arg("value", given))
		if err != nil {
			return "", err
		}
		if err := same(got, v); err != nil {
			return "", err
		}
		content, err := os.ReadFile(string(given.GetPath()))
		if err != nil || string(content) != string(v.GetInline()) {
			return "", errors.Join(errors.New("the file that it was given has changed"), err)
		}
		if len(got.GetPath()) > 0 {
			return "it came back as a file", nil
		}
		return "it came back inline", nil
	}
}

func returnsNothing(ctx context.Context, k *kit) (string, error) {
	s, err := k.session()
	if err != nil {
		return "", err
	}
	v, err := s.call(ctx, fnTell, arg("text", jsonText("nothing")))
	if err != nil {
		return "", err
	}
	if v.GetMediaType() != trace.MediaNone {
		return "", fmt.Errorf("the media type %q", v.GetMediaType())
	}
	return "an empty media type", nil
}
