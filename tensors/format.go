package tensors

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// name is the dtype's usual name, such as float32, or its spelling in the file where it has none.
func (d dtype) name() string {
	if name, ok := map[string]string{"BOOL": "bool", "BF16": "bfloat16", "C64": "complex64", "|b1": "bool"}[d.text]; ok {
		return name
	}
	if _, known := safetensorsBits[d.text]; known {
		return safetensorsName(d.text)
	}
	if strings.HasPrefix(d.text, "{") {
		return d.text
	}
	kind, digits := d.text[1:2], d.text[2:]
	switch kind {
	case "M", "m":
		unit := digits[1:]
		return map[string]string{"M": "datetime64", "m": "timedelta64"}[kind] + unit
	case "S", "U", "V":
		return map[string]string{"S": "bytes", "U": "str", "V": "void"}[kind] + digits
	}
	return fmt.Sprintf("%s%d", map[string]string{"i": "int", "u": "uint", "f": "float", "c": "complex"}[kind], d.bits)
}

// safetensorsName spells I32 as int32, U8 as uint8 and F8_E4M3 as float8_e4m3.
func safetensorsName(text string) string {
	long := map[byte]string{'I': "int", 'U': "uint", 'F': "float"}[text[0]]
	return long + strings.ToLower(text[1:])
}

// format writes one little-endian element as text; what has no usual spelling in hexadecimal digits.
func (d dtype) format(p []byte) string {
	name := d.name()
	switch {
	case name == "bool":
		return strconv.FormatBool(p[0] != 0)
	case strings.HasPrefix(name, "int") || strings.HasPrefix(name, "datetime") || strings.HasPrefix(name, "timedelta"):
		shift := 64 - 8*len(p)
		return strconv.FormatInt(int64(unsigned(p)<<shift)>>shift, 10)
	case strings.HasPrefix(name, "uint"):
		return strconv.FormatUint(unsigned(p), 10)
	case strings.HasPrefix(name, "bytes"):
		return strconv.Quote(strings.TrimRight(string(p), "\x00"))
	case strings.HasPrefix(name, "str"):
		return strconv.Quote(characters(p))
	case name == "complex64" || name == "complex128":
		imaginary := floatText(p[len(p)/2:], name)
		if !strings.ContainsAny(imaginary[:1], "+-") {
			imaginary = "+" + imaginary
		}
		return floatText(p[:len(p)/2], name) + imaginary + "i"
	}
	return floatText(p, name)
}

// floatText writes a floating-point number, or anything else in hexadecimal digits.
func floatText(p []byte, name string) string {
	switch name {
	case "bfloat16":
		return shortest(float64(math.Float32frombits(uint32(unsigned(p))<<16)), 32)
	case "float16":
		return shortest(half(uint16(unsigned(p))), 32)
	case "float32", "complex64":
		return shortest(float64(math.Float32frombits(uint32(unsigned(p)))), 32)
	case "float64", "complex128":
		return shortest(math.Float64frombits(unsigned(p)), 64)
	}
	return "0x" + hex.EncodeToString(p)
}

func shortest(x float64, bits int) string { return strconv.FormatFloat(x, 'g', -1, bits) }

// half is the value of an IEEE 754 binary16.
func half(bits uint16) float64 {
	exponent, fraction := int(bits>>10&31), float64(bits&1023)
	var x float64
	switch exponent {
	case 0:
		x = math.Ldexp(fraction, -24)
	case 31:
		if x = math.Inf(1); fraction != 0 {
			return math.NaN()
		}
	default:
		x = math.Ldexp(1024+fraction, exponent-25)
	}
	if bits>>15 == 1 {
		return math.Copysign(x, -1)
	}
	return x
}

// unsigned reads up to eight bytes, little endian.
func unsigned(p []byte) uint64 {
	var whole [8]byte
	copy(whole[:], p)
	return binary.LittleEndian.Uint64(whole[:])
}

// characters reads UCS-4 up to the zeros at its end.
func characters(p []byte) string {
	var b strings.Builder
	for ; len(p) >= 4; p = p[4:] {
		b.WriteRune(rune(binary.LittleEndian.Uint32(p)))
	}
	return strings.TrimRight(b.String(), "\x00")
}
