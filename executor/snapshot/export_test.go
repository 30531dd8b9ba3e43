package snapshot

// Parse reads a file from memory, as Open does.
var Parse = parse

// Seal makes the checksum of a file right.
func Seal(file []byte) []byte {
	if len(file) >= preambleSize+headSize {
		seal(file)
	}
	return file
}

// Patches reports whether the old file would be patched.
func (e *Edit) Patches() bool { return e.patch(Head{}) != nil }
