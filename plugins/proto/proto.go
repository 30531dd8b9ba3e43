// Package proto holds the public plugin protocol (calyx/plugin/v1/plugin.proto) and what a process on either side of it
// has to know beside the messages.
package proto

//go:generate go install github.com/bufbuild/buf/cmd/buf@v1.75.0
//go:generate go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
//go:generate go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
//go:generate buf lint
//go:generate buf generate

// What host and plugin agree on before the first message (see docs/plugin-protocol.md).
const (
	// Version is the protocol's version in the handshake.
	Version = 1
	// CookieKey and CookieValue are the variable that tells a program that calyx started it as a plugin.
	CookieKey   = "CALYX_PLUGIN_COOKIE"
	CookieValue = "9c0f6a5e1f4d4c0b8a7f3e2d1c5b4a69"
	// ForegroundKey and ForegroundValue are the variable that tells a plugin that it has standard input and standard error of
	// the user, who runs one of its functions by hand.
	ForegroundKey   = "CALYX_PLUGIN_FOREGROUND"
	ForegroundValue = "1"
	// HealthService is the name under which the health service answers SERVING; go-plugin asks for it.
	HealthService = "plugin"
)

// Limits of the protocol, in bytes and requests.
const (
	// MaxInline is the size up to which a value is inline.
	MaxInline = 64 << 10
	// MaxMessage is the size that no message exceeds.
	MaxMessage = 4 << 20
	// GoodMessage is the size up to which items are gathered into one message.
	GoodMessage = 1 << 20
	// Window is how much either side takes that nobody has read yet, of a stream and of a connection.
	Window = MaxMessage
	// MaxRequests is the number of requests of one need.
	MaxRequests = 1_000_000
)
