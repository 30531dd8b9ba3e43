package tensors

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	for _, c := range []struct{ names, want string }{
		{"f4.npy f4-fortran.npy f4-big.npy f4-fortran-big.npy", "float32 [2 × 3 × 4] -1 -0.75 -0.5 -0.25 0 0.25 0.5 0.75 …"},
		{"i4-same-bytes.npy", "int32 [2 × 3 × 4] -1082130432 -1086324736 -1090519040 -1098907648 0 1048576000 1056964608 1061158912 …"},
		{"minus-zero.npy", "float64 [3] -0 -0 -0"},
		{"nan.npy", "float64 [1] NaN"},
		{"half.npy", "float16 [4] 1 -0.5 65504 +Inf"},
		{"words.npy words-big.npy", `str2 [3] "a" "bc" "日本"`},
		{"bytes.npy", `bytes2 [2] "a" "bc"`},
		{"bool.npy", "bool [3] true false true"},
		{"complex.npy complex-big.npy", "complex64 [2] 1+2i -1.5-0.25i"},
		{"dates.npy", "datetime64[D] [2] 19723 20122"},
		{"scalar.npy", "float32 [] 2.5"},
		{"empty.npy", "float32 [0 × 3]"},
		{"accents-v1.npy accents-v3.npy", `{"größe" <i4} [2] 0x01000000 0x02000000`},
		{
			"two.npz two-fortran.npz two-compressed-fortran.npz",
			"a float32 [2 × 3 × 4] -1 -0.75 -0.5 -0.25 0 0.25 0.5 0.75 …\nb str2 [3] \"a\" \"bc\" \"日本\"",
		},
		{
			"two-note.npz",
			"a float32 [2 × 3 × 4] -1 -0.75 -0.5 -0.25 0 0.25 0.5 0.75 …\nb str2 [3] \"a\" \"bc\" \"日本\"\nnote.txt",
		},
		{
			"model-metadata.safetensors",
			"bias float64 [3] 0 1 2\nweight float32 [2 × 3 × 4] -1 -0.75 -0.5 -0.25 0 0.25 0.5 0.75 …\nformat = pt\nstep = 7",
		},
	} {
		for _, name := range strings.Fields(c.names) {
			text := fixture(t, name)
			d, err := Describe(bytes.NewReader(text), int64(len(text)), MediaOf(name))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got := strings.TrimSuffix(d.String(), "\n"); got != c.want {
				t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
			}
		}
	}
}

func TestDescribeSafetensorsDtypes(t *testing.T) {
	for dtype, c := range map[string]struct {
		data []byte
		want string
	}{
		"BOOL":    {[]byte{1}, "x bool [1] true"},
		"U8":      {[]byte{200}, "x uint8 [1] 200"},
		"I8":      {[]byte{200}, "x int8 [1] -56"},
		"BF16":    {[]byte{0xc0, 0x3f}, "x bfloat16 [1] 1.5"},
		"F16":     {[]byte{1, 0x80}, "x float16 [1] -5.9604645e-08"},
		"F8_E4M3": {[]byte{0x38}, "x float8_e4m3 [1] 0x38"},
		"U64":     {bytes.Repeat([]byte{255}, 8), "x uint64 [1] 18446744073709551615"},
		"I64":     {bytes.Repeat([]byte{255}, 8), "x int64 [1] -1"},
		"C64":     {[]byte{0, 0, 128, 63, 0, 0, 128, 127}, "x complex64 [1] 1+Infi"},
	} {
		header, err := json.Marshal(map[string]any{
			"x": map[string]any{"dtype": dtype, "shape": []int{1}, "data_offsets": []int{0, len(c.data)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		file := safetensorsFile(string(header), c.data)
		d, err := Describe(bytes.NewReader(file), int64(len(file)), MediaSafetensors)
		if err != nil {
			t.Errorf("%s: %v", dtype, err)
			continue
		}
		if got := strings.TrimSuffix(d.String(), "\n"); got != c.want {
			t.Errorf("%s: got %q, want %q", dtype, got, c.want)
		}
	}
}

func TestDescribeTwoElementsInAByte(t *testing.T) {
	file := safetensorsFile(`{"x":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}`, []byte{1, 2})
	d, err := Describe(bytes.NewReader(file), int64(len(file)), MediaSafetensors)
	if err != nil || d.String() != "x float4 [4] …\n" {
		t.Errorf("got %q, %v", d, err)
	}
	if _, ok, err := digestOfBytes(file, MediaSafetensors); !ok {
		t.Errorf("no digest: %v", err)
	}
}

func TestNamesCannotDisturbATerminal(t *testing.T) {
	file := safetensorsFile(`{"__metadata__":{"\u001b[2J":"a\nb"},"\u001b]0;x\u0007":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, []byte{1})
	d, err := Describe(bytes.NewReader(file), int64(len(file)), MediaSafetensors)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(d.String(), "\x1b\x07") || strings.Count(d.String(), "\n") != 2 {
		t.Errorf("got %q", d)
	}
}

func TestDescribeOtherMediaTypes(t *testing.T) {
	if d, err := Describe(strings.NewReader("text"), 4, "text/plain"); d != nil || err != nil {
		t.Errorf("got %v, %v", d, err)
	}
}
