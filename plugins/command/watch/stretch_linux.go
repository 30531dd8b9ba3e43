//go:build !race && !msan && !asan && (amd64 || arm64)

package watch

// inOneStretch says that glances are served in one stretch.
const inOneStretch = true
