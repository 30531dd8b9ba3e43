package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/command"
	"github.com/calyx-build/calyx/plugins/proto"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
	"github.com/calyx-build/calyx/plugins/redact"
)

// start starts a process, shakes hands, asks it what it offers and opens its session. The error is an *executor.Failure.
func (p *pool) start() (*process, error) {
	proc := newProcess(p)
	if p.plugin.Path == "" {
		return proc, proc.attach()
	}
	conn, err := p.connect(proc)
	if err == nil {
		proc.conn = conn
		err = proc.open(p.host.opts.Start)
	}
	if err != nil {
		return nil, proc.startFailed(err)
	}
	return proc, nil
}

// connect starts the program through go-plugin and returns the connection to it.
func (p *pool) connect(proc *process) (grpc.ClientConnInterface, error) {
	sockets, err := p.host.socketFolder()
	if err != nil {
		return nil, err
	}
	proc.client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  goplugin.HandshakeConfig{ProtocolVersion: proto.Version, MagicCookieKey: proto.CookieKey, MagicCookieValue: proto.CookieValue},
		VersionedPlugins: map[int]goplugin.PluginSet{proto.Version: {}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		StartTimeout:     p.host.opts.Start,
		Logger:           hclog.NewNullLogger(),
		SkipHostEnv:      true,
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: sockets},
		// A plugin in Go may be served by go-plugin, which takes standard output over.
		SyncStdout: writer(proc.printed),
		SyncStderr: writer(proc.printedError),
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
			child, err := newChild(p.plugin, p.host.opts.Foreground, cmd.Env, proc.printed, proc.printedError)
			if err == nil {
				proc.child = child
				context.AfterFunc(p.ctx, child.stopStarting)
			}
			return child, err
		},
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(proto.MaxMessage), grpc.MaxCallSendMsgSize(proto.MaxMessage)),
			// Windows that may grow are found out by a ping with nearly every message, which the plugin has to answer.
			grpc.WithStaticStreamWindowSize(proto.Window), grpc.WithStaticConnWindowSize(proto.Window),
		},
	})
	protocol, err := proc.client.Client()
	if err != nil {
		return nil, err
	}
	return protocol.(*goplugin.GRPCClient).Conn, nil
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// open asks the process what it offers, and opens its session.
func (p *process) open(most time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	d, err := describe(ctx, p.conn, p.pool.plugin.Name, false)
	if err != nil {
		return err
	}
	for i := range d.Functions {
		p.functions[d.Functions[i].Name] = &d.Functions[i]
	}
	for _, r := range d.reads {
		p.observe(r)
	}
	p.queues = d.queues
	var session context.Context
	session, p.hangUp = context.WithCancel(context.Background())
	p.peer = started{p.child, p.client}
	p.child.started()
	p.stream, err = pluginv1.NewPluginClient(p.conn).Session(session)
	return err
}

// startFailed ends a process that did not start well, and says why in the user's words.
func (p *process) startFailed(err error) *executor.Failure {
	f := &executor.Failure{Exit: -1, Retry: p.child != nil}
	if p.child == nil {
		f.Message = fmt.Sprintf("start plugin %q: %v", p.pool.plugin.Name, err)
		return f
	}
	crashed := p.conn != nil && p.child.awaitExit(patience)
	p.client.Kill()
	p.child.gone(0)
	how, status, signal := p.child.exit()
	if crashed {
		err = fmt.Errorf("describe plugin %q: it crashed (%s)", p.pool.plugin.Name, how)
	} else if cause := p.handshakeError(err); cause != nil {
		err = fmt.Errorf("start plugin %q: %w", p.pool.plugin.Name, cause)
	}
	f.Exit, f.Signal = status, signal
	f.Message = redact.Text(err.Error(), p.pool.plugin.Secrets)
	f.Details = redact.Text(p.tail.Lines(), p.pool.plugin.Secrets)
	f.Declared = wrongSource.MatchString(f.Details)
	return f
}

// wrongSource is how interpreters say that a file is no program of their language.
var wrongSource = regexp.MustCompile(`(?m)^(SyntaxError|IndentationError|TabError): `)

// patience is the time that a process gets to end by itself where that is what it seems to do: its exit status tells more
// than that of one that is killed.
const patience = 500 * time.Millisecond

// handshakeError says what was wrong with the start or the first line; nil where the handshake was in order.
func (p *process) handshakeError(err error) error {
	line, said := p.child.first.Text()
	parts := strings.Split(strings.TrimSpace(line), "|")
	how, _, _ := p.child.exit()
	var failed *os.PathError
	switch {
	case errors.As(err, &failed):
		if name := command.Interpreter(failed.Path); name != "" && errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%q: it is a script for %q, which is not there", failed.Path, name)
		}
		return fmt.Errorf("%q: %w", failed.Path, failed.Err)
	case p.child.cmd.ProcessState == nil:
		return err
	case !said || line == "":
		if strings.Contains(err.Error(), "timeout") {
			return fmt.Errorf("it printed no handshake line within %v", p.pool.host.opts.Start)
		}
		return fmt.Errorf("it ended before the handshake (%s)", how)
	case len(parts) < 5 || parts[0] != "1":
		return fmt.Errorf("it printed %q where the handshake line belongs (before that line, print to standard error alone)", shorten(strings.TrimSpace(line)))
	case parts[1] != fmt.Sprint(proto.Version):
		return fmt.Errorf("it speaks version %s of the protocol, and calyx speaks version %d", shorten(parts[1]), proto.Version)
	case parts[2] != "unix":
		return fmt.Errorf("it listens on %q, and not on a Unix socket", shorten(parts[2]))
	case parts[4] != string(goplugin.ProtocolGRPC):
		return fmt.Errorf("it speaks %q, and not grpc", shorten(parts[4]))
	}
	return nil
}

// shorten cuts what a program printed to what a message can show.
func shorten(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
