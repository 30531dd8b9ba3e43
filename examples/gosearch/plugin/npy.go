package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
)

// The format is NumPy's, version 1.0: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

const npyMagic = "\x93NUMPY\x01\x00"

// writeNpy writes a vector of 32-bit floats.
func writeNpy(path string, v []float32) error {
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }", len(v))
	before := len(npyMagic) + 2
	header += strings.Repeat(" ", 63-(before+len(header))%64) + "\n" // the elements begin at a multiple of 64
	data := append([]byte(npyMagic), byte(len(header)), byte(len(header)>>8))
	data = append(data, header...)
	for _, x := range v {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return os.WriteFile(path, data, 0o666)
}

// readNpy reads what writeNpy wrote.
func readNpy(data []byte) ([]float32, error) {
	before := len(npyMagic) + 2
	if len(data) < before || string(data[:len(npyMagic)]) != npyMagic {
		return nil, errors.New("this is no .npy file of version 1.0")
	}
	from := before + int(binary.LittleEndian.Uint16(data[len(npyMagic):]))
	if len(data) < from || !strings.Contains(string(data[before:from]), "'<f4'") {
		return nil, errors.New("the .npy file does not hold 32-bit floats")
	}
	v := make([]float32, (len(data)-from)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[from+4*i:]))
	}
	return v, nil
}
