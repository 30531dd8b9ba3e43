package tensors

import (
	"encoding/binary"
	"strings"
)

// npyFile writes a .npy file of a version with the given header text and data.
func npyFile(version byte, header string, data []byte) []byte {
	file := []byte(npyMagic)
	file = append(file, version, 0)
	if version == 1 {
		file = binary.LittleEndian.AppendUint16(file, uint16(len(header)))
	} else {
		file = binary.LittleEndian.AppendUint32(file, uint32(len(header)))
	}
	return append(append(file, header...), data...)
}

// safetensorsFile writes a safetensors file with the given header and data.
func safetensorsFile(header string, data []byte) []byte {
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(file, header...), data...)
}

// padded adds spaces and a line feed, as NumPy does.
func padded(header string, spaces int) string { return header + strings.Repeat(" ", spaces) + "\n" }
