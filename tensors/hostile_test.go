package tensors

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func zipOf(t *testing.T, members map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, data := range members {
		m, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHostileFilesAreRefusedCheaply(t *testing.T) {
	npy := func(descr, fortran, shape string) []byte {
		return npyFile(1, fmt.Sprintf("{'descr': %s, 'fortran_order': %s, 'shape': %s}", descr, fortran, shape), make([]byte, 64))
	}
	longHeader := binary.LittleEndian.AppendUint32([]byte(npyMagic+"\x02\x00"), 1<<32-1)
	nested := strings.Repeat("[", 60_000)
	good := npyFile(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", make([]byte, 4))
	for name, c := range map[string]struct {
		media string
		text  []byte
	}{
		"empty":                     {MediaNpy, nil},
		"header of 4 GiB":           {MediaNpy, longHeader},
		"version 4":                 {MediaNpy, npyFile(4, "{}", nil)},
		"huge shape":                {MediaNpy, npy("'<f4'", "False", "(1000000000000,)")},
		"overflowing shape":         {MediaNpy, npy("'<f4'", "False", "(4294967296, 4294967296, 4)")},
		"huge Fortran shape":        {MediaNpy, npy("'<f4'", "True", "(1000000, 1000000)")},
		"negative shape":            {MediaNpy, npy("'<f4'", "False", "(-16,)")},
		"number as shape":           {MediaNpy, npy("'<f4'", "False", "16")},
		"truth in shape":            {MediaNpy, npy("'<f4'", "False", "(True, 16)")},
		"too many dimensions":       {MediaNpy, npy("'<f4'", "False", "("+strings.Repeat("1,", 65)+"16)")},
		"huge element":              {MediaNpy, npy("'<U1000000000'", "False", "(1,)")},
		"element of overflowing":    {MediaNpy, npy("'<U99999999999999999999'", "False", "(1,)")},
		"native order":              {MediaNpy, npy("'=f4'", "False", "(16,)")},
		"no order":                  {MediaNpy, npy("'|f4'", "False", "(16,)")},
		"name of NumPy":             {MediaNpy, npy("'float32'", "False", "(16,)")},
		"size that is none":         {MediaNpy, npy("'<f3'", "False", "(16,)")},
		"spelt size":                {MediaNpy, npy("'<f04'", "False", "(16,)")},
		"unknown kind":              {MediaNpy, npy("'<q4'", "False", "(16,)")},
		"descr is a number":         {MediaNpy, npy("4", "False", "(16,)")},
		"field without a name":      {MediaNpy, npy("[(1, '<f4')]", "False", "(16,)")},
		"field without a dtype":     {MediaNpy, npy("[('a',)]", "False", "(16,)")},
		"repeated field":            {MediaNpy, npy("[('a', '>f4', (1000000, 1000000))]", "False", "(16,)")},
		"order that is no truth":    {MediaNpy, npy("'<f4'", "0", "(16,)")},
		"missing key":               {MediaNpy, npyFile(1, "{'descr': '<f4', 'shape': ()}", make([]byte, 4))},
		"double key":                {MediaNpy, npyFile(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'shape': ()}", make([]byte, 4))},
		"additional key":            {MediaNpy, npyFile(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': ()}", make([]byte, 4))},
		"call in the header":        {MediaNpy, npyFile(1, "{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': ()}", nil)},
		"text after the header":     {MediaNpy, npyFile(1, "{'descr': '<f4', 'fortran_order': False, 'shape': ()} + 1", make([]byte, 4))},
		"deep header":               {MediaNpy, npyFile(1, nested, nil)},
		"deep dtype":                {MediaNpy, npy(nested[:30_000], "False", "()")},
		"header in no encoding":     {MediaNpy, npyFile(3, "{'descr': [('\xff', '<f4')], 'fortran_order': False, 'shape': (16,)}", make([]byte, 64))},
		"no archive":                {MediaNpz, []byte("hello")},
		"member that is cut":        {MediaNpz, zipOf(t, map[string][]byte{"a.npy": good[:len(good)-1]})},
		"member that goes on":       {MediaNpz, zipOf(t, map[string][]byte{"a.npy": append(bytes.Clone(good), 0)})},
		"member with a zero":        {MediaNpz, zipOf(t, map[string][]byte{"a\x00b.npy": good})},
		"length beyond the file":    {MediaSafetensors, binary.LittleEndian.AppendUint64(nil, 1<<62)},
		"length that wraps":         {MediaSafetensors, binary.LittleEndian.AppendUint64(nil, 1<<64-1)},
		"no JSON":                   {MediaSafetensors, safetensorsFile(`hello`, nil)},
		"space before":              {MediaSafetensors, safetensorsFile(` {}`, nil)},
		"text after":                {MediaSafetensors, safetensorsFile(`{}{}`, nil)},
		"deep JSON":                 {MediaSafetensors, safetensorsFile(`{"a":`+strings.Repeat("[", 1<<20), nil)},
		"name twice":                {MediaSafetensors, safetensorsFile(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, nil)},
		"field twice":               {MediaSafetensors, safetensorsFile(`{"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}}`, nil)},
		"metadata twice":            {MediaSafetensors, safetensorsFile(`{"__metadata__":{"a":"1","a":"2"}}`, nil)},
		"metadata that is a number": {MediaSafetensors, safetensorsFile(`{"__metadata__":{"a":1}}`, nil)},
		"lone surrogate":            {MediaSafetensors, safetensorsFile(`{"__metadata__":{"a":"\ud800"}}`, nil)},
		"hole":                      {MediaSafetensors, safetensorsFile(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, make([]byte, 2))},
		"overlap":                   {MediaSafetensors, safetensorsFile(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, make([]byte, 3))},
		"end before begin":          {MediaSafetensors, safetensorsFile(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[2,0]}}`, nil)},
		"huge offsets":              {MediaSafetensors, safetensorsFile(`{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}`, nil)},
		"shape that overflows":      {MediaSafetensors, safetensorsFile(`{"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, nil)},
		"fraction in shape":         {MediaSafetensors, safetensorsFile(`{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, make([]byte, 1))},
		"text in shape":             {MediaSafetensors, safetensorsFile(`{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}`, make([]byte, 1))},
		"unknown safetensors dtype": {MediaSafetensors, safetensorsFile(`{"a":{"dtype":"Q8","shape":[1],"data_offsets":[0,1]}}`, make([]byte, 1))},
		"half a byte":               {MediaSafetensors, safetensorsFile(`{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,0]}}`, nil)},
		"other length":              {MediaSafetensors, safetensorsFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1]}}`, make([]byte, 1))},
		"unknown field":             {MediaSafetensors, safetensorsFile(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}}`, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			var ok bool
			var err error
			memory := allocated(func() { _, ok, err = digestOfBytes(c.text, c.media) })
			if ok || !errors.Is(err, ErrContent) {
				t.Errorf("got %v, %v", ok, err)
			}
			if memory > 8<<20 {
				t.Errorf("%d bytes allocated", memory)
			}
			if _, err := Describe(bytes.NewReader(c.text), int64(len(c.text)), c.media); err == nil {
				t.Errorf("described")
			}
		})
	}
}

func FuzzNpy(f *testing.F)         { fuzz(f, MediaNpy, ".npy") }
func FuzzNpz(f *testing.F)         { fuzz(f, MediaNpz, ".npz") }
func FuzzSafetensors(f *testing.F) { fuzz(f, MediaSafetensors, ".safetensors") }

// fuzz checks that whatever the bytes are, reading ends, with the same answer each time and nothing that could disturb
// a terminal.
func fuzz(f *testing.F, media, suffix string) {
	for _, line := range append(meanings, withoutMeaning...) {
		for _, name := range strings.Fields(line) {
			if strings.HasSuffix(name, suffix) {
				f.Add(fixture(f, name))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, ok, err := digestOfBytes(text, media)
		again, okAgain, _ := digestOfBytes(text, media)
		if d != again || ok != okAgain || ok == (err != nil) || ok == d.IsZero() {
			t.Errorf("got %v, %v, %v; then %v, %v", d, ok, err, again, okAgain)
		}
		described, err := Describe(bytes.NewReader(text), int64(len(text)), media)
		if err != nil {
			if ok {
				t.Errorf("has a digest, but cannot be described: %v", err)
			}
			return
		}
		if strings.ContainsFunc(described.String(), func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }) {
			t.Errorf("disturbs a terminal: %q", described)
		}
	})
}
