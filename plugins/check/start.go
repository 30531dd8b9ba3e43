package check

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/calyx-build/calyx/plugins/proto"
)

func startCases() []experiment {
	return []experiment{
		{Case: Case{"no cookie", "status 1, a word on standard error, no handshake", nil}, try: withoutCookie},
		{Case: Case{"handshake", "1|1|unix|PATH|grpc| as the first line, a socket at PATH", nil}, gate: true, try: handshake},
		{Case: Case{"versions", "version 1, where the host offers 1 and 99", nil}, try: versions},
		{Case: Case{"go-plugin", "started and pinged by go-plugin's own client", nil}, try: byGoPlugin},
		{Case: Case{"health", `SERVING for the service "plugin"`, nil}, try: healthy},
		{Case: Case{"unknown method", "UNIMPLEMENTED", nil}, try: unknownMethod},
	}
}

// withoutCookie starts the program as a user might by hand.
func withoutCookie(ctx context.Context, k *kit) (string, error) {
	p, err := k.start(proto.CookieKey + "=")
	defer p.kill()
	if err != nil {
		return "", err
	}
	if within(ctx, p.exited, "") != nil {
		return "", errors.New("it runs on")
	}
	p.kill()
	line, err := p.line(grace)
	switch {
	case err == nil && strings.Contains(line, "|grpc|"):
		return "", errors.New("it shook hands")
	case p.cmd.ProcessState.ExitCode() != 1:
		return "", fmt.Errorf("%s", p.how())
	case p.words() == "":
		return "", errors.New("it ended without a word on standard error")
	}
	return fmt.Sprintf("%s: %s", p.how(), shorten(strings.TrimSpace(p.words()), 60)), nil
}

func handshake(_ context.Context, k *kit) (string, error) {
	p, err := k.connected()
	if err != nil {
		return "", err
	}
	defer p.kill()
	line, _ := p.first.Text()
	return strings.TrimSpace(line), nil
}

func versions(_ context.Context, k *kit) (string, error) {
	p, err := k.start("PLUGIN_PROTOCOL_VERSIONS=1,99")
	defer p.kill()
	if err != nil {
		return "", err
	}
	_, err = p.socket(k.startTime())
	return "version 1", err
}

// byGoPlugin proves that what the kit's own client takes for a handshake is one for go-plugin too.
func byGoPlugin(ctx context.Context, k *kit) (string, error) {
	dir, err := k.folder()
	if err != nil {
		return "", err
	}
	cmd := &exec.Cmd{
		Path: k.opts.Path, Args: k.opts.Argv, Dir: k.opts.Dir, Env: append(append([]string{}, k.opts.Env...), "PLUGIN_UNIX_SOCKET_DIR="+dir),
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  goplugin.HandshakeConfig{ProtocolVersion: proto.Version, MagicCookieKey: proto.CookieKey, MagicCookieValue: proto.CookieValue},
		VersionedPlugins: map[int]goplugin.PluginSet{proto.Version: {}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		Cmd:              cmd, SkipHostEnv: true, StartTimeout: k.startTime(), Logger: hclog.NewNullLogger(),
	})
	kill := func() {
		if cmd.Process != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
	}
	defer context.AfterFunc(ctx, kill)()
	protocol, err := client.Client()
	if err == nil {
		err = protocol.Ping()
	}
	kill()
	client.Kill()
	if err != nil { // which goes on with advice about executables
		line, _, _ := strings.Cut(err.Error(), "\n")
		return "", errors.New(line)
	}
	return "started and pinged", nil
}

func healthy(ctx context.Context, k *kit) (string, error) {
	p, err := k.process()
	if err != nil {
		return "", err
	}
	r, err := grpc_health_v1.NewHealthClient(p.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: proto.HealthService})
	if err != nil {
		return "", plainly(err)
	}
	if r.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return "", fmt.Errorf("%s", r.GetStatus())
	}
	return "SERVING", nil
}

func unknownMethod(ctx context.Context, k *kit) (string, error) {
	p, err := k.process()
	if err != nil {
		return "", err
	}
	err = p.conn.Invoke(ctx, "/calyx.plugin.v1.Check/Nothing", &emptypb.Empty{}, &emptypb.Empty{})
	if status.Code(err) != codes.Unimplemented {
		return "", fmt.Errorf("%s", status.Code(err))
	}
	return "UNIMPLEMENTED", nil
}
