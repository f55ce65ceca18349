package host

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/timbot-go/timbot/plugins"
	"github.com/timbot-go/timbot/plugins/wire"
)

// The test binary is every plugin of the tests: its first argument says how it behaves.
func TestMain(m *testing.M) {
	if os.Getenv(wire.CookieVariable) == wire.Cookie {
		beAPlugin(os.Args[1])
		os.Exit(0)
	}
	if os.Getenv(bareVariable) != "" {
		beBare()
		os.Exit(0)
	}
	if os.Getenv(botVariable) != "" {
		beABot()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type echoIn struct {
	Text string  `json:"text"`
	Size int     `json:"size,omitempty"`
	Big  int64   `json:"big,omitempty"`
	Any  any     `json:"any,omitempty"`
	Rate float64 `json:"rate,omitempty"`
}

type echoOut struct {
	Text   string   `json:"text" plugin:"text"`
	PID    int      `json:"pid"`
	Effect string   `json:"effect"`
	Again  bool     `json:"again"`
	Big    int64    `json:"big"`
	Any    any      `json:"any,omitempty"`
	List   []string `json:"list"`
	Env    []string `json:"env,omitempty"`
	Dir    string   `json:"dir,omitempty"`
	Files  []string `json:"files,omitempty"`
}

type doIn struct {
	What string `json:"what"`
	Key  string `json:"key,omitempty"`
}

func echo(ctx context.Context, in echoIn) (echoOut, error) {
	c := plugins.CallOf(ctx)
	out := echoOut{Text: in.Text, PID: os.Getpid(), Effect: c.Effect, Again: c.Again, Big: in.Big, Any: in.Any}
	if in.Size > 0 {
		out.Text = strings.Repeat("x", in.Size)
	}
	return out, nil
}

// look tells what the process can see.
func look(context.Context, struct{}) (echoOut, error) {
	dir, _ := os.Getwd()
	out := echoOut{PID: os.Getpid(), Dir: dir, Env: os.Environ()}
	names, _ := filepath.Glob("/proc/self/fd/*")
	for _, name := range names {
		if target, err := os.Readlink(name); err == nil {
			out.Files = append(out.Files, target)
		}
	}
	return out, nil
}

// misbehave does what a plugin should not.
func misbehave(ctx context.Context, in doIn) (echoOut, error) {
	switch in.What {
	case "panic":
		panic("in the function")
	case "crash":
		go panic("in a goroutine")
		hang()
	case "exit":
		os.Exit(3)
	case "hang":
		hang()
	case "wait": // as one should
		<-ctx.Done()
		return echoOut{}, context.Cause(ctx)
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		hang()
	case "stop":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case "flood":
		line := strings.Repeat("l", 100)
		for range 200_000 {
			fmt.Fprintln(os.Stderr, line)
		}
		fmt.Fprint(os.Stderr, strings.Repeat("no end of a line ", 100_000))
	case "odd log":
		fmt.Fprintln(os.Stderr, `{"@message":1}`)
		fmt.Fprintln(os.Stderr, `{"@level":{},"@timestamp":[]}`)
		fmt.Fprintln(os.Stderr, "\xff\xfe\x00")
		fmt.Println(`{"@message":1}`)
	case "child": // that holds the pipes open
		cmd := exec.Command("sleep", "1000")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			return echoOut{}, err
		}
		os.Exit(4)
	case "memory":
		hog := make([]byte, 300<<20)
		for i := range hog {
			hog[i] = byte(i)
		}
		<-ctx.Done()
		return echoOut{Text: string(hog[:1])}, nil
	case "error":
		return echoOut{}, errors.New("no luck")
	case "own error":
		return echoOut{}, fmt.Errorf("look up 17: %w", &plugins.Error{Code: "not_found", Text: "no such order", Final: true})
	case "later":
		return echoOut{}, &plugins.Error{Code: "busy", Text: "later", RetryAfter: 3 * time.Second}
	case "reply":
		return echoOut{}, plugins.BotOf(ctx).Reply(ctx, "from the plugin")
	case "send":
		return echoOut{}, plugins.BotOf(ctx).Send(ctx, in.Key, "from the plugin")
	case "set":
		return echoOut{}, plugins.BotOf(ctx).Set(ctx, in.Key, map[string]int{"n": 1})
	case "get":
		var v map[string]int
		found, err := plugins.BotOf(ctx).Get(ctx, in.Key, &v)
		return echoOut{Text: fmt.Sprint(found, v["n"])}, err
	case "signal":
		return echoOut{}, plugins.BotOf(ctx).Signal(ctx, in.Key, map[string]string{"from": "plugin"})
	case "log":
		plugins.Log(ctx).With("a", 1).WithGroup("g").Warn("a warning", "b", "\xff")
	case "unwell":
		return echoOut{}, plugins.BotOf(ctx).Unwell(ctx, "the database is away")
	}
	return echoOut{Text: in.What, PID: os.Getpid()}, nil
}

func good() plugins.Plugin {
	version := "1.0.0"
	if text, err := os.ReadFile(os.Args[len(os.Args)-1]); err == nil { // the hot swap's
		version = strings.TrimSpace(string(text))
	}
	return plugins.Plugin{
		Name: "good", Version: version,
		Actions: []plugins.Action{
			{Name: "echo", Do: plugins.Func(echo), Idempotent: true},
			{Name: "look", Do: plugins.Func(look), Idempotent: true},
			{Name: "act", Do: plugins.Func(misbehave), Idempotent: true, ActsOnChat: true},
			{Name: "once", Do: plugins.Func(misbehave)},
		},
	}
}

func beAPlugin(mode string) {
	switch mode {
	case "good":
		p := good()
		plugins.Serve(p)
	case "runs": // of its own accord
		p := good()
		p.Run = func(ctx context.Context) error {
			// Who hears the signal may stop the plugin before it has the answer.
			if err := plugins.BotOf(ctx).Signal(ctx, "begun", nil); err != nil && ctx.Err() == nil {
				return err
			}
			<-ctx.Done()
			return os.WriteFile("stopped", nil, 0o600)
		}
		plugins.Serve(p)
	case "silent":
		hang()
	case "dead at once":
		fmt.Fprintln(os.Stderr, "cannot find the database")
		os.Exit(7)
	case "no handshake":
		fmt.Println("Hello, world!")
		hang()
	case "endless line":
		for {
			if _, err := fmt.Print(strings.Repeat("x", 1000)); err != nil {
				os.Exit(1)
			}
		}
	case "other protocol":
		fmt.Println("1|9|unix|/nowhere|grpc|" + strings.Repeat("A", 100))
		hang()
	case "no certificate":
		fmt.Println("1|1|unix|/nowhere|grpc|")
		hang()
	case "nobody there":
		cert, _ := wire.NewCertificate()
		fmt.Println("1|1|unix|/nowhere|grpc|" + base64.RawStdEncoding.EncodeToString(cert.Certificate[0]))
		hang()
	case "deaf": // takes connections and does nothing with them
		l, err := net.Listen("unix", filepath.Join(os.Getenv(wire.SocketDirVariable), "p"))
		if err != nil {
			log.Fatal(err)
		}
		cert, _ := wire.NewCertificate()
		fmt.Printf("1|1|unix|%s|grpc|%s\n", l.Addr(), base64.RawStdEncoding.EncodeToString(cert.Certificate[0]))
		hang()
	default:
		mode, streamed := strings.CutPrefix(mode, "streamed ")
		raw(&rawPlugin{mode: mode, streamed: streamed})
	}
}

// rawPlugin speaks the protocol without the kit, and wrongly.
type rawPlugin struct {
	wire.UnimplementedPluginServer
	mode     string
	streamed bool // it has Calls
}

func (p *rawPlugin) Session(stream wire.Plugin_SessionServer) error {
	if _, err := stream.Recv(); err != nil {
		return err
	}
	ready := &wire.Ready{Name: "good", Version: "1.0.0", Actions: []string{"echo", "look", "act", "once"}, Calls: p.streamed}
	switch p.mode {
	case "never ready":
		hang()
	case "other name":
		ready.Name = "evil"
	case "fewer actions":
		ready.Actions = nil
	case "wrong first message":
		return stream.Send(&wire.PluginMessage{})
	case "session ends":
		return nil
	}
	if err := stream.Send(&wire.PluginMessage{Kind: &wire.PluginMessage_Ready{Ready: ready}}); err != nil {
		return err
	}
	var sending sync.Mutex
	send := func(m *wire.PluginMessage) {
		sending.Lock()
		defer sending.Unlock()
		_ = stream.Send(m)
	}
	switch p.mode {
	case "asks and asks":
		go func() {
			for id := uint64(1); ; id++ {
				send(&wire.PluginMessage{Kind: &wire.PluginMessage_Request{Request: &wire.Request{Id: id, Kind: &wire.Request_GetState{
					GetState: &wire.GetState{Key: "k"}}}}})
			}
		}()
	case "odd messages":
		send(&wire.PluginMessage{})
		send(&wire.PluginMessage{Kind: &wire.PluginMessage_Request{}})
		send(&wire.PluginMessage{Kind: &wire.PluginMessage_Request{Request: &wire.Request{Id: 1, Call: 99}}})
		send(&wire.PluginMessage{Kind: &wire.PluginMessage_Pong{Pong: &wire.Pong{Id: 1 << 60}}})
		send(&wire.PluginMessage{Kind: &wire.PluginMessage_Log{}})
		send(&wire.PluginMessage{Kind: &wire.PluginMessage_Health{}})
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			os.Exit(0)
		}
		if ping := m.GetPing(); ping != nil && p.mode != "no pong" {
			send(&wire.PluginMessage{Kind: &wire.PluginMessage_Pong{Pong: &wire.Pong{Id: ping.Id}}})
		}
		if m.GetStop() != nil && p.mode != "does not stop" {
			os.Exit(0)
		}
	}
}

func (p *rawPlugin) Calls(stream wire.Plugin_CallsServer) error {
	if p.mode == "no such stream" {
		return p.UnimplementedPluginServer.Calls(stream)
	}
	for {
		req, err := stream.Recv()
		if err != nil {
			return err
		}
		reply, err := p.Call(stream.Context(), req)
		switch {
		case err != nil:
			return err
		case p.mode == "stream ends":
			return nil
		case p.mode == "strays":
			_ = stream.Send(&wire.CallReply{Id: req.Id + 100})
		case p.mode == "replies twice":
			_ = stream.Send(&wire.CallReply{Id: req.Id, Result: reply.Result})
		}
		reply.Id = req.Id
		if err := stream.Send(reply); err != nil {
			return err
		}
	}
}

func (p *rawPlugin) Call(_ context.Context, req *wire.CallRequest) (*wire.CallReply, error) {
	output := func(s string) (*wire.CallReply, error) {
		return &wire.CallReply{Result: &wire.CallReply_Output{Output: []byte(s)}}, nil
	}
	switch p.mode {
	case "status":
		return nil, errors.New("not as it should be")
	case "no result":
		return &wire.CallReply{}, nil
	case "garbage":
		return output("\x00\xff{")
	case "no object":
		return output(`[1]`)
	case "wrong type":
		return output(`{"text":1,"pid":1,"effect":"","again":false,"big":1,"list":[]}`)
	case "missing":
		return output(`{"text":"x"}`)
	case "unknown output":
		return output(`{"text":"x","pid":1,"effect":"","again":false,"big":1,"list":[],"more":1}`)
	case "twice":
		return output(`{"text":"x","text":"y"}`)
	case "too large":
		return output(`"` + strings.Repeat("x", 2<<20) + `"`)
	case "much too large":
		return output(`"` + strings.Repeat("x", 5<<20) + `"`)
	case "deep":
		return output(strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000))
	case "odd error":
		return &wire.CallReply{Result: &wire.CallReply_Error{Error: &wire.Error{Code: "NOT a word", Text: strings.Repeat("long ", 1000)}}}, nil
	}
	return output(fmt.Sprintf(`{"text":%s,"pid":%d,"effect":"","again":false,"big":0,"list":null}`, strconv.Quote(p.mode), os.Getpid()))
}

func raw(p *rawPlugin) {
	l, err := net.Listen("unix", filepath.Join(os.Getenv(wire.SocketDirVariable), "p"))
	if err != nil {
		log.Fatal(err)
	}
	cert, err := wire.NewCertificate()
	if err != nil {
		log.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM([]byte(os.Getenv(wire.CertVariable)))
	s := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted,
	})), grpc.MaxSendMsgSize(100<<20))
	wire.RegisterPluginServer(s, p)
	fmt.Printf("1|1|unix|%s|grpc|%s\n", l.Addr(), base64.RawStdEncoding.EncodeToString(cert.Certificate[0]))
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	log.Fatal(s.Serve(l))
}

// hang never returns. A bare select would be found out as a deadlock where no other goroutine can go on.
func hang() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGURG)
	for {
		<-c
	}
}
