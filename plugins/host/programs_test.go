package host_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/host"
	"github.com/calyx-build/calyx/plugins/proto"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
	calyx "github.com/calyx-build/calyx/plugins/sdk/go"
)

// programs are the plugins of the tests, good ones and bad ones.
var programs = map[string]func(){
	"echo": echo,

	// Those that do not start well.
	"exits": func() { complain("no such model"); os.Exit(3) },
	"takes its time to exit": func() {
		_ = os.Stdout.Close()
		time.Sleep(time.Second)
		os.Exit(3)
	},
	"ends":   func() {},
	"prints": func() { fmt.Println("Loading model..."); forever() },
	"prints for ever": func() {
		for {
			fmt.Print(strings.Repeat("x", 1000))
		}
	},
	"silent":     func() { forever() },
	"old":        func() { handshake("1|7|unix|/nowhere|grpc|") },
	"other core": func() { handshake("2|1|unix|/nowhere|grpc|") },
	"netrpc":     func() { handshake("1|1|unix|/nowhere|netrpc|") },
	"tcp":        func() { handshake("1|1|tcp|127.0.0.1:1|grpc|") },
	"no socket":  func() { handshake("1|1|unix|/nowhere|grpc|") },
	"cookie":     otherCookie,
	"no service": func() { serveRaw(func(*grpc.Server) {}) },
	"describe crash": func() {
		raw{describe: func() *pluginv1.DescribeResponse { complain("oh no"); os.Exit(4); return nil }}.serve()
	},
	"identity crash": func() {
		var asked atomic.Bool
		raw{describe: func() *pluginv1.DescribeResponse {
			if asked.Swap(true) {
				complain("SyntaxError: oh no")
				os.Exit(4)
			}
			return described("f")
		}, session: func(pluginv1.Plugin_SessionServer) error { forever(); return nil }}.serve()
	},
	"describe hangs":  func() { raw{describe: func() *pluginv1.DescribeResponse { forever(); return nil }}.serve() },
	"bad description": func() { raw{describe: func() *pluginv1.DescribeResponse { return described("f", "f") }}.serve() },

	// A calyx that will be killed.
	"calyx": func() {
		h := host.New(host.Options{})
		plugin := program("echo", 1)
		scratch := os.Getenv("SCRATCH")
		h.Start(&executor.Task{Node: "n", Scratch: scratch, Function: &executor.Function{
			Plugin: plugin, Name: "deaf", Args: []executor.Argument{{Name: "text", Value: jsonPayload(strconv.Quote(filepath.Join(scratch, "pipe")))}},
		}}, recorder{make(chan event, 10)})
		forever()
	},

	// Those that break the protocol; what they say is the function's name.
	"raw": func() { raw{session: misbehave}.serve() },

	// One that go-plugin serves.
	"go-plugin": goPlugin,
	// One that does not end.
	"stays": func() { signal.Ignore(syscall.SIGTERM); echoThen(func() { forever() }) },
}

// endless calls itself until the stack is used up.
func endless(n int) int {
	if n < 0 {
		return n
	}
	return endless(n+1) + n
}

// forever blocks in a way that the runtime does not take for a deadlock.
func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

func complain(text string) { fmt.Fprintln(os.Stderr, text) }

func handshake(line string) {
	fmt.Println(line)
	forever()
}

// otherCookie is a plugin of another host: go-plugin tells it so.
func otherCookie() {
	goplugin.Serve(&goplugin.ServeConfig{HandshakeConfig: goplugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "TERRAFORM", MagicCookieValue: "x"}})
}

type textArgs struct {
	Text string `default:"nothing"`
}

type fileArgs struct {
	File calyx.File
}

func echo() { echoThen(func() {}) }

func echoThen(end func()) {
	p := calyx.NewPlugin("echo", "1.0")
	calyx.Func(p, "echo", func(_ *calyx.Call, a textArgs) (string, error) { return a.Text, nil }, calyx.Doc("Returns its text."))
	calyx.Func(p, "asks", func(call *calyx.Call, a textArgs) (int, error) { return calyx.Need[int](call, a.Text) })
	calyx.Func(p, "waits", waits)
	calyx.Func(p, "waits_alone", waits, calyx.Alone())
	calyx.Func(p, "alone", alone, calyx.Alone())
	calyx.Func(p, "beside", alone)
	calyx.Func(p, "exit", func(*calyx.Call, struct{}) (calyx.None, error) {
		complain("last words")
		os.Exit(5)
		return calyx.None{}, nil
	})
	calyx.Func(p, "killed", func(*calyx.Call, struct{}) (calyx.None, error) {
		return calyx.None{}, syscall.Kill(os.Getpid(), syscall.SIGKILL)
	})
	calyx.Func(p, "hang", func(call *calyx.Call, _ struct{}) (calyx.None, error) {
		<-call.Done()
		return calyx.None{}, context.Cause(call)
	})
	calyx.Func(p, "deaf", deaf)
	calyx.Func(p, "fails", func(*calyx.Call, struct{}) (calyx.None, error) { return calyx.None{}, errors.New("no luck") })
	calyx.Func(p, "fails_at_length", func(*calyx.Call, struct{}) (calyx.None, error) {
		return calyx.None{}, errors.New(strings.Repeat("no luck", 1<<20))
	})
	calyx.Func(p, "asks_at_length", func(call *calyx.Call, _ struct{}) (int, error) {
		return calyx.Need[int](call, "double", calyx.Args{"x": strings.Repeat("x", 5<<20)})
	})
	calyx.Func(p, "logs_at_length", func(call *calyx.Call, _ struct{}) (calyx.None, error) {
		call.Logf("%s", strings.Repeat("0123456789", 1<<19))
		return calyx.None{}, nil
	})
	calyx.Func(p, "retry", func(*calyx.Call, struct{}) (calyx.None, error) {
		return calyx.None{}, fmt.Errorf("ask the model: %w", calyx.Retryable(errors.New("429"), 3*time.Second))
	})
	calyx.Func(p, "panics", func(*calyx.Call, struct{}) (calyx.None, error) { panic("out of cheese") })
	calyx.Func(p, "overflows", func(*calyx.Call, struct{}) (int, error) {
		debug.SetMaxStack(1 << 20)
		return endless(0), nil
	})
	calyx.Func(p, "panics_aside", func(*calyx.Call, struct{}) (calyx.None, error) {
		go panicAside(map[string]int(nil))
		select {}
	})
	calyx.Func(p, "prints", func(call *calyx.Call, a textArgs) (calyx.None, error) {
		for _, word := range strings.Split(a.Text, "|") {
			fmt.Print(word)
		}
		fmt.Fprint(os.Stderr, "on stderr\n")
		call.Logf("said %s", a.Text)
		return calyx.None{}, nil
	})
	calyx.Func(p, "hears", func(*calyx.Call, struct{}) (string, error) { return bufio.NewReader(os.Stdin).ReadString('\n') })
	calyx.Func(p, "environment", func(*calyx.Call, struct{}) ([]string, error) { return os.Environ(), nil })
	calyx.Func(p, "large", large)
	calyx.Func(p, "file", func(_ *calyx.Call, a fileArgs) ([]string, error) {
		content, err := os.ReadFile(a.File.Path)
		return []string{filepath.Base(a.File.Path), string(content)}, err
	})
	calyx.Func(p, "outside", func(*calyx.Call, struct{}) (calyx.Value, error) {
		return calyx.FileResult("/etc/hostname", "text/plain"), nil
	})
	calyx.Func(p, "tree", tree)
	calyx.Func(p, "tells", func(call *calyx.Call, _ struct{}) (calyx.None, error) {
		call.Progress(1, 3, "rows")
		call.Metric("tokens", 812, "tok")
		call.Progress(3, 3, "rows")
		return calyx.None{}, nil
	})
	calyx.Func(p, "measures", func(call *calyx.Call, _ struct{}) (calyx.None, error) {
		for range 300 {
			call.Metric(strings.Repeat("loss", 4<<10), 1, "")
		}
		return calyx.None{}, nil
	})
	calyx.Func(p, "reads", reads)
	calyx.Func(p, "many", func(call *calyx.Call, a struct{ N int }) (int, error) {
		nodes := make([]*calyx.Node, a.N)
		for i := range nodes {
			nodes[i] = call.Node("double", calyx.Args{"x": i, "why": strings.Repeat("long ", 20)})
		}
		values, err := call.NeedAll(nodes...)
		return len(values), err
	})
	calyx.Func(p, "descends", func(call *calyx.Call, a struct{ N int }) (int, error) {
		return calyx.Need[int](call, "descends", calyx.Args{"n": a.N - 1})
	})
	p.Serve()
	end()
}

// waits asks, and returns the process and the answer.
func waits(call *calyx.Call, a textArgs) ([]any, error) {
	v, err := calyx.Need[any](call, a.Text)
	return []any{os.Getpid(), v}, err
}

// alone returns the process, after it has seen a file: the test says when.
func alone(_ *calyx.Call, a textArgs) (int, error) {
	return os.Getpid(), await(a.Text)
}

// await opens a named pipe for reading, which waits for a writer.
func await(pipe string) error {
	f, err := os.Open(pipe)
	if err != nil {
		return err
	}
	_, err = bufio.NewReader(f).ReadByte()
	return err
}

// deaf starts a child, writes both process ids, and does not listen.
func deaf(_ *calyx.Call, a textArgs) (calyx.None, error) {
	child := exec.Command("/bin/sleep", "1000")
	if err := child.Start(); err != nil {
		return calyx.None{}, err
	}
	f, err := os.OpenFile(a.Text, os.O_WRONLY, 0)
	if err != nil {
		return calyx.None{}, err
	}
	fmt.Fprintf(f, "%d %d\n", os.Getpid(), child.Process.Pid)
	_ = f.Close()
	forever()
	return calyx.None{}, nil
}

func large(_ *calyx.Call, a struct {
	Data []byte
	N    int `default:"1"`
}) ([]byte, error) {
	return []byte(strings.Repeat(string(a.Data), a.N)), nil
}

func tree(call *calyx.Call, _ struct{}) (calyx.Dir, error) {
	dir, err := call.OutDir()
	if err != nil {
		return calyx.Dir{}, err
	}
	return calyx.Dir{Path: dir}, os.WriteFile(filepath.Join(dir, "a.txt"), []byte("a"), 0o644)
}

func reads(call *calyx.Call, _ struct{}) (map[string]any, error) {
	seen := map[string]any{}
	note := func(name string, v any, err error) {
		if err != nil {
			v = err.Error()
		}
		seen[name] = v
	}
	b, err := call.ReadFile("a.txt")
	note("file", string(b), err)
	_, err = call.ReadFile("b.txt")
	note("absent", errors.Is(err, calyx.ErrAbsent), nil)
	entries, err := call.ReadDir("docs")
	note("listing", entries, err)
	paths, err := call.Glob("**/*.md")
	note("glob", paths, err)
	model, err := call.Getenv("MODEL")
	note("env", model, err)
	there, err := call.Exists("c.txt")
	note("exists", there, err)
	lr, err := calyx.Param[float64](call, "lr")
	note("param", lr, err)
	instance, err := call.Instance()
	note("instance", instance, err)
	n := call.Node("words", calyx.Args{"x": 1, "y": 1.0, "z": []byte("b"), "n": nil})
	length, err := n.Len()
	note("length", length, err)
	item, err := n.Item(2)
	if err == nil {
		var word string
		word, err = calyx.As[string](item)
		note("item", word, err)
	}
	_, err = n.Entry(`a "key"`)
	note("entry", nil, err)
	return seen, nil
}

// described is a description of functions.
func described(names ...string) *pluginv1.DescribeResponse {
	d := &pluginv1.DescribeResponse{Name: "raw"}
	for _, name := range names {
		d.Functions = append(d.Functions, &pluginv1.Function{Name: name, Overlap: true})
	}
	return d
}

// raw is a plugin without the SDK.
type raw struct {
	pluginv1.UnimplementedPluginServer
	describe func() *pluginv1.DescribeResponse
	session  func(pluginv1.Plugin_SessionServer) error
}

func (r raw) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	if r.describe == nil {
		names := make([]string, 0, len(misbehaviours))
		for name := range misbehaviours {
			names = append(names, name)
		}
		return described(append(names, "good", "waits")...), nil
	}
	return r.describe(), nil
}

func (r raw) Session(s pluginv1.Plugin_SessionServer) error { return r.session(s) }

func (r raw) serve() { serveRaw(func(s *grpc.Server) { pluginv1.RegisterPluginServer(s, r) }) }

func serveRaw(register func(*grpc.Server)) {
	l, err := net.Listen("unix", filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "s"))
	if err != nil {
		panic(err)
	}
	s := grpc.NewServer()
	register(s)
	fmt.Printf("1|%d|unix|%s|grpc|\n", proto.Version, l.Addr())
	_ = s.Serve(l)
}

// misbehave answers each start by what the function's name says.
func misbehave(s pluginv1.Plugin_SessionServer) error {
	for {
		m, err := s.Recv()
		if err != nil {
			os.Exit(0)
		}
		for _, item := range m.GetItems() {
			call := item.GetCall()
			switch name := item.GetStart().GetFunction(); name {
			case "":
			case "good":
				err = s.Send(result(call))
			case "waits":
				err = s.Send(say(call, &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Need{Need: &pluginv1.Need{Id: 1, Requests: []*pluginv1.Request{file("x")}}}}))
			default:
				err = misbehaviours[name](s, call)
			}
			if err != nil {
				return err
			}
		}
	}
}

func say(call uint64, item *pluginv1.PluginItem) *pluginv1.SessionResponse {
	item.Call = call
	return &pluginv1.SessionResponse{Items: []*pluginv1.PluginItem{item}}
}

func result(call uint64) *pluginv1.SessionResponse { return returned(call, &pluginv1.Value{}) }

func returned(call uint64, v *pluginv1.Value) *pluginv1.SessionResponse {
	return say(call, &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Result{Result: &pluginv1.Result{Value: v}}})
}

func node(argument *pluginv1.Literal) *pluginv1.Request {
	n := &pluginv1.NodeRequest{Name: "x", Arguments: []*pluginv1.NamedLiteral{{Name: "y", Value: argument}}}
	return &pluginv1.Request{Subject: &pluginv1.Request_Node{Node: n}}
}

func file(path string) *pluginv1.Request {
	return &pluginv1.Request{Subject: &pluginv1.Request_File{File: []byte(path)}}
}

func need(n *pluginv1.Need) *pluginv1.PluginItem {
	return &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Need{Need: n}}
}

// misbehaviours are answers to a start, by name.
var misbehaviours = map[string]func(pluginv1.Plugin_SessionServer, uint64) error{
	"unknown_call": func(s pluginv1.Plugin_SessionServer, _ uint64) error { return s.Send(result(4711)) },
	"twice": func(s pluginv1.Plugin_SessionServer, call uint64) error {
		return errors.Join(s.Send(result(call)), s.Send(result(call)))
	},
	"no_kind": func(s pluginv1.Plugin_SessionServer, call uint64) error {
		return s.Send(say(call, &pluginv1.PluginItem{}))
	},
	"seen_too_much": func(s pluginv1.Plugin_SessionServer, call uint64) error {
		return s.Send(say(call, need(&pluginv1.Need{Id: 1, Seen: 1, Requests: []*pluginv1.Request{file("x")}})))
	},
	"needs_nothing": func(s pluginv1.Plugin_SessionServer, call uint64) error {
		return s.Send(say(call, need(&pluginv1.Need{Id: 1})))
	},
	"same_id": func(s pluginv1.Plugin_SessionServer, call uint64) error {
		one := say(call, need(&pluginv1.Need{Id: 1, Requests: []*pluginv1.Request{file("x")}}))
		return errors.Join(s.Send(one), s.Send(one))
	},
	"no_subject": func(s pluginv1.Plugin_SessionServer, call uint64) error {
		return s.Send(say(call, need(&pluginv1.Need{Id: 1, Requests: []*pluginv1.Request{{}}})))
	},
	"observes_node": func(s pluginv1.Plugin_SessionServer, _ uint64) error {
		r := &pluginv1.Request{Subject: &pluginv1.Request_Node{Node: &pluginv1.NodeRequest{Name: "x"}}}
		return s.Send(say(0, &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Observed{Observed: &pluginv1.Observed{Reads: []*pluginv1.Request{r}}}}))
	},
	"element": func(s pluginv1.Plugin_SessionServer, call uint64) error {
		return s.Send(say(call, &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Result{Result: &pluginv1.Result{Element: 1, Value: &pluginv1.Value{}}}}))
	},
	"bad_argument": func(s pluginv1.Plugin_SessionServer, call uint64) error {
		return s.Send(say(call, need(&pluginv1.Need{Id: 1, Requests: []*pluginv1.Request{node(&pluginv1.Literal{})}})))
	},
	"deep_argument": func(s pluginv1.Plugin_SessionServer, call uint64) error {
		l := &pluginv1.Literal{Kind: &pluginv1.Literal_Boolean{}}
		for range 200 {
			l = &pluginv1.Literal{Kind: &pluginv1.Literal_List{List: &pluginv1.LiteralList{Items: []*pluginv1.Literal{l}}}}
		}
		return s.Send(say(call, need(&pluginv1.Need{Id: 1, Requests: []*pluginv1.Request{node(l)}})))
	},
	"bad_view": func(s pluginv1.Plugin_SessionServer, call uint64) error {
		r := file("x")
		r.View = &pluginv1.View{Kind: 99}
		return s.Send(say(call, need(&pluginv1.Need{Id: 1, Requests: []*pluginv1.Request{r}})))
	},
	"outside": func(s pluginv1.Plugin_SessionServer, call uint64) error {
		return s.Send(returned(call, &pluginv1.Value{MediaType: "text/plain", Content: &pluginv1.Value_Path{Path: []byte("/etc/hostname")}}))
	},
	"inline_too_long": func(s pluginv1.Plugin_SessionServer, call uint64) error {
		return s.Send(returned(call, &pluginv1.Value{MediaType: "text/plain", Content: &pluginv1.Value_Inline{Inline: make([]byte, 1<<20)}}))
	},
	"late": func(s pluginv1.Plugin_SessionServer, call uint64) error {
		log := say(call, &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Log{Log: &pluginv1.Log{Text: []byte("late")}}})
		return errors.Join(s.Send(result(call)), s.Send(log))
	},
	"observes": func(s pluginv1.Plugin_SessionServer, call uint64) error {
		o := &pluginv1.Observed{
			Reads: []*pluginv1.Request{file("shared.txt"), file("shared.txt")},
			Stood: []*pluginv1.Stood{{Inode: 7, Size: 6, Mtime: 5, Ctime: 4}},
		}
		return errors.Join(s.Send(say(0, &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Observed{Observed: o}})), s.Send(result(call)))
	},
	"too_long": func(s pluginv1.Plugin_SessionServer, call uint64) error {
		return s.Send(say(call, &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Log{Log: &pluginv1.Log{Text: make([]byte, 5<<20)}}}))
	},
	"not_protobuf": func(s pluginv1.Plugin_SessionServer, _ uint64) error {
		return s.SendMsg(&pluginv1.Value{MediaType: "zzz"}) // its first field is no item
	},
	"ends": func(pluginv1.Plugin_SessionServer, uint64) error { os.Exit(0); return nil },
	"hangs_up": func(pluginv1.Plugin_SessionServer, uint64) error {
		return status.Error(codes.Internal, "I have had enough")
	},
	"returns": func(pluginv1.Plugin_SessionServer, uint64) error { return errReturn },
}

var errReturn = errors.New("returned")

// goPlugin is a plugin that is served by go-plugin itself.
func goPlugin() {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  goplugin.HandshakeConfig{ProtocolVersion: proto.Version, MagicCookieKey: proto.CookieKey, MagicCookieValue: proto.CookieValue},
		VersionedPlugins: map[int]goplugin.PluginSet{proto.Version: {"calyx": served{}}},
		GRPCServer:       goplugin.DefaultGRPCServer,
		Logger:           hclog.NewNullLogger(),
	})
}

type served struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (served) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	pluginv1.RegisterPluginServer(s, raw{session: func(s pluginv1.Plugin_SessionServer) error {
		for {
			m, err := s.Recv()
			if err != nil {
				return nil
			}
			for _, item := range m.GetItems() {
				if err := s.Send(result(item.GetCall())); err != nil {
					return err
				}
			}
		}
	}})
	return nil
}

func (served) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is the plugin's side")
}

func panicAside(m map[string]int) { m["cheese"]++ }
