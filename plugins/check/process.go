package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/calyx-build/calyx/plugins/pipes"
	"github.com/calyx-build/calyx/plugins/proto"
)

// grace is how long a process has to end by itself, or a call after it was cancelled: five seconds in the protocol.
const grace = 5 * time.Second

// process is one process of the plugin, in a group of its own.
type process struct {
	cmd     *exec.Cmd
	dir     string // for its socket and its calls' folders
	first   *pipes.FirstLine
	out     *pipes.Output
	tail    pipes.Tail
	life    context.Context // ends when nobody wants to know any more
	exited  chan struct{}   // closed when it is gone
	end     sync.Once
	conn    *grpc.ClientConn
	session *session

	mu      sync.Mutex
	printed bytes.Buffer // on standard output, after the handshake line
}

// cookie tells a program that it is started as a plugin.
const cookie = proto.CookieKey + "=" + proto.CookieValue

// launch starts the program; the variables of extra are added to those of the protocol, or replace them.
func launch(life context.Context, opts Options, dir string, extra []string) (*process, error) {
	p := &process{life: life, dir: dir, exited: make(chan struct{})}
	p.first = pipes.NewFirstLine(p.print)
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	errRead, errWrite, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, outRead.Close(), outWrite.Close())
	}
	env := append(append([]string{}, opts.Env...), cookie, "PLUGIN_PROTOCOL_VERSIONS="+fmt.Sprint(proto.Version),
		"PLUGIN_UNIX_SOCKET_DIR="+dir, "PLUGIN_MIN_PORT=10000", "PLUGIN_MAX_PORT=25000")
	p.cmd = &exec.Cmd{
		Path: opts.Path, Args: opts.Argv, Dir: opts.Dir, Env: append(env, extra...), Stdout: outWrite, Stderr: errWrite,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	p.out, err = pipes.NewOutput(
		pipes.Source{File: outRead, Said: p.first.Write, Ended: p.first.End}, pipes.Source{File: errRead, Said: p.tail.Add, Ended: func() {}})
	if err != nil {
		return nil, err
	}
	return p, p.run(outWrite, errWrite)
}

// run starts the process and watches for its end.
func (p *process) run(outWrite, errWrite *os.File) error {
	err := p.cmd.Start()
	_, _ = outWrite.Close(), errWrite.Close()
	p.out.Pump()
	if err != nil {
		close(p.exited)
		return fmt.Errorf("it does not start: %w", err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in ProcessState
		p.killGroup()
		close(p.exited)
	}()
	return nil
}

func (p *process) print(text []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.printed.Len() < 1<<20 {
		p.printed.Write(text)
	}
}

// standardOutput returns what was printed up to now.
func (p *process) standardOutput() string {
	p.out.Drain()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.printed.String()
}

// line waits for the first line of standard output, no longer than most.
func (p *process) line(most time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(p.life, most)
	defer cancel()
	read := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		text := make([]byte, 4096)
		n, _ := p.first.Read(text)
		read <- string(text[:n])
	}()
	if err := within(ctx, done, "the handshake line"); err != nil {
		return "", err
	}
	text := <-read
	if text == "" {
		if p.gone(ctx) != nil {
			return "", errors.New("it closed its standard output without a handshake line")
		}
		return "", fmt.Errorf("it ended before the handshake (%s)", p.how())
	}
	return text, nil
}

// socket reads the handshake line and returns the socket's path.
func (p *process) socket(most time.Duration) (string, error) {
	text, err := p.line(most)
	if err != nil {
		return "", err
	}
	parts := strings.Split(strings.TrimSuffix(text, "\n"), "|")
	switch {
	case !strings.HasSuffix(text, "\n") || len(parts) < 5 || parts[0] != "1":
		return "", fmt.Errorf("it printed %q where the handshake line belongs", shorten(text, 200))
	case parts[1] != fmt.Sprint(proto.Version):
		return "", fmt.Errorf("it chose version %q of the protocol, and was offered %d", shorten(parts[1], 20), proto.Version)
	case parts[2] != "unix":
		return "", fmt.Errorf("it listens on %q, and not on a Unix socket", shorten(parts[2], 20))
	case parts[4] != "grpc":
		return "", fmt.Errorf("it speaks %q, and not grpc", shorten(parts[4], 20))
	case len(parts) > 5 && parts[5] != "":
		return "", errors.New("it gave a certificate, and TLS is not used")
	}
	return parts[3], nil
}

// connect shakes hands, and sees to it that somebody listens.
func (p *process) connect(most time.Duration) error {
	path, err := p.socket(most)
	if err != nil {
		return err
	}
	listening, err := net.DialTimeout("unix", path, most)
	if err != nil {
		return fmt.Errorf("nobody listens where the handshake line says: %w", err)
	}
	_ = listening.Close()
	p.conn, err = grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(proto.MaxMessage), grpc.MaxCallSendMsgSize(proto.MaxMessage)))
	return err
}

// gone waits until the process has ended by itself.
func (p *process) gone(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	return within(ctx, p.exited, "the process to end")
}

// kill ends the process and all that it started. Nil has no process.
func (p *process) kill() {
	if p == nil {
		return
	}
	p.end.Do(func() {
		p.killGroup()
		<-p.exited
		if p.conn != nil {
			_ = p.conn.Close()
		}
		p.out.Close()
	})
}

func (p *process) killGroup() {
	if p.cmd.Process != nil {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // an error says that nobody is left
	}
}

// words are the end of standard error.
func (p *process) words() string {
	if p == nil {
		return ""
	}
	return p.tail.Lines()
}

// how tells how the process ended.
func (p *process) how() string {
	if p.cmd.ProcessState == nil {
		return "it did not start"
	}
	return p.cmd.ProcessState.String()
}

// newFolder names a folder for a call; the plugin makes it.
func (p *process) newFolder(call uint64, name string) string {
	return filepath.Join(p.dir, fmt.Sprint("call-", call), name)
}

// shorten cuts what a program printed to what a message can show.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
