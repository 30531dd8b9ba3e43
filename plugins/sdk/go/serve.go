package calyx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/calyx-build/calyx/plugins/proto"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// serve shakes hands on stdout and serves until the session or the host's patience ends.
func (p *Plugin) serve(stdout io.Writer) error {
	if os.Getenv(proto.CookieKey) != proto.CookieValue {
		return errors.New("this program is a plugin for calyx; name it in a Calyxfile, plugin(cmd = [...]), and do not start it yourself")
	}
	if len(p.wrong) > 0 {
		return errors.Join(p.wrong...)
	}
	listener, err := listen()
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(proto.MaxMessage), grpc.MaxSendMsgSize(proto.MaxMessage),
		grpc.StaticStreamWindowSize(proto.Window), grpc.StaticConnWindowSize(proto.Window))
	s := &service{plugin: p, ending: make(chan struct{})}
	s.stop = sync.OnceFunc(func() {
		close(s.ending)
		go server.GracefulStop()
	})
	pluginv1.RegisterPluginServer(server, s)
	server.RegisterService(&controller, s)
	status := health.NewServer()
	status.SetServingStatus(proto.HealthService, grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(server, status)
	if _, err := fmt.Fprintf(stdout, "1|%d|unix|%s|grpc|\n", proto.Version, listener.Addr()); err != nil {
		return err
	}
	return server.Serve(listener)
}

// listen opens a socket in the folder that the host made for it.
func listen() (net.Listener, error) {
	dir := os.Getenv("PLUGIN_UNIX_SOCKET_DIR")
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "calyx-plugin-"); err != nil {
			return nil, err
		}
	}
	return net.Listen("unix", filepath.Join(dir, fmt.Sprintf("%d.sock", os.Getpid())))
}

// controller is plugin.GRPCController, with which go-plugin ends a plugin gracefully.
var controller = grpc.ServiceDesc{
	ServiceName: "plugin.GRPCController",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "Shutdown",
		Handler: func(srv any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var none emptypb.Empty
			if err := decode(&none); err != nil {
				return nil, err
			}
			srv.(*service).stop()
			return &none, nil
		},
	}},
}

// service is what the process serves.
type service struct {
	pluginv1.UnimplementedPluginServer
	plugin *Plugin
	open   atomic.Bool
	ending chan struct{} // closed by stop
	stop   func()
}

// Describe tells what the plugin offers. Its functions have no code identity of their own: the program's digest counts, which
// a script may have started.
func (s *service) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	d := &pluginv1.DescribeResponse{Name: text(s.plugin.name), Version: text(s.plugin.version), Stored: s.plugin.stored}
	for _, f := range s.plugin.functions {
		d.Functions = append(d.Functions, f.description)
	}
	if program, err := os.Executable(); err == nil {
		d.Sources = append(d.Sources, []byte(program))
	}
	return d, nil
}

// Session carries the calls.
func (s *service) Session(stream pluginv1.Plugin_SessionServer) error {
	if !s.open.CompareAndSwap(false, true) {
		return status.Error(codes.AlreadyExists, "this process has a session")
	}
	defer s.stop()
	over := make(chan struct{})
	go func() {
		defer close(over)
		newSession(s.plugin, stream).serve()
	}()
	select {
	case <-over:
	case <-s.ending: // calls that still run are not wanted any more
	}
	return nil
}
