package storepb

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
)

// Wire carries messages over a socket, each behind its length. One goroutine receives; any number send. A message is written
// by whoever sends it, and read by whoever waits for it: on the way from a question to its answer, nothing else is woken.
type Wire struct {
	socket net.Conn
	in     *bufio.Reader
	spare  []byte // of the receiver

	sending sync.Mutex
	out     []byte
}

// ErrTooLarge is returned for a message that reaches MessageLimit. The connection stands.
var ErrTooLarge = errors.New("a message to or from the store server would be too large")

const (
	lengthSize = 4
	// spareSize is the size in bytes up to which a buffer is kept for the next message.
	spareSize = 64 << 10
)

// NewWire speaks over a connected socket.
func NewWire(socket net.Conn) *Wire {
	return &Wire{socket: socket, in: bufio.NewReaderSize(socket, spareSize)}
}

// Close ends the connection, and whatever waits for it.
func (w *Wire) Close() error { return w.socket.Close() }

// StopReceiving ends Receive. Messages can still be sent.
func (w *Wire) StopReceiving() error { return w.socket.SetReadDeadline(time.Now()) }

// Send writes one message.
func (w *Wire) Send(m proto.Message) error {
	w.sending.Lock()
	defer w.sending.Unlock()
	out, err := proto.MarshalOptions{}.MarshalAppend(append(w.out[:0], make([]byte, lengthSize)...), m)
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	if len(out) >= MessageLimit {
		return ErrTooLarge
	}
	if w.out = out; cap(out) > spareSize {
		w.out = nil
	}
	binary.LittleEndian.PutUint32(out, uint32(len(out)-lengthSize))
	_, err = w.socket.Write(out)
	return err
}

// Receive reads one message into an empty one.
func (w *Wire) Receive(m proto.Message) error {
	var length [lengthSize]byte
	if _, err := io.ReadFull(w.in, length[:]); err != nil {
		return err
	}
	n := int(binary.LittleEndian.Uint32(length[:]))
	if n >= MessageLimit {
		return ErrTooLarge
	}
	buf := w.spare
	if n > len(buf) {
		if buf = make([]byte, n); n <= spareSize {
			w.spare = buf
		}
	}
	if _, err := io.ReadFull(w.in, buf[:n]); err != nil {
		return err
	}
	if err := proto.Unmarshal(buf[:n], m); err != nil { // it copies what it keeps
		return fmt.Errorf("decode a message: %w", err)
	}
	return nil
}
