package plugintest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/timbot-go/timbot/plugins/wire"
)

// The test binary is every plugin of the tests: `be MODE` says how it behaves.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "be" {
		be(os.Args[2])
		os.Exit(0)
	}
	if err := flag.Set("test.parallel", "8"); err != nil { // they wait more than they work
		panic(err)
	}
	os.Exit(m.Run())
}

// plugin speaks the protocol, and breaks it as its mode says. Without one it is as it should be.
type plugin struct {
	wire.UnimplementedPluginServer
	mode    string
	streams bool // it has Calls
	running atomic.Int32
	mu      sync.Mutex
	stream  wire.Plugin_SessionServer
	calls   map[uint64]context.CancelFunc
	answers chan *wire.Answer
}

func be(mode string) {
	if os.Getenv(wire.CookieVariable) != wire.Cookie {
		switch mode {
		case "hangs by hand":
			hang()
		case "silent by hand":
		case "handshake by hand":
			fmt.Println("1|1|unix|/nowhere|grpc|AAAA")
		default:
			fmt.Fprintln(os.Stderr, "this is a plugin")
		}
		os.Exit(1)
	}
	lock := "lock"
	switch mode {
	case "never starts", "slow start":
		hang()
	case "dies at once":
		fmt.Fprintln(os.Stderr, "cannot find the database")
		os.Exit(3)
	case "greets people":
		fmt.Println("Welcome!")
		hang()
	case "keeps a lock":
		if _, err := os.OpenFile(lock, os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			fmt.Fprintln(os.Stderr, "another one runs")
			os.Exit(1)
		}
		defer os.Remove(lock)
	case "floods always":
		go func() {
			for range time.Tick(time.Millisecond) {
				fmt.Fprintln(os.Stderr, "tick")
			}
		}()
	case "leaves a child":
		if err := exec.Command("sleep", "60").Start(); err != nil {
			os.Exit(1)
		}
	}
	mode, streams := strings.CutPrefix(mode, "streamed ")
	p := &plugin{mode: mode, streams: streams, calls: make(map[uint64]context.CancelFunc), answers: make(chan *wire.Answer, 100)}
	address := filepath.Join(os.Getenv(wire.SocketDirVariable), "p")
	if mode == "socket elsewhere" {
		dir, _ := os.MkdirTemp("", "elsewhere")
		defer os.RemoveAll(dir)
		address = filepath.Join(dir, "p")
	}
	l, err := net.Listen("unix", address)
	if err != nil {
		panic(err)
	}
	cert, err := wire.NewCertificate()
	if err != nil {
		panic(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM([]byte(os.Getenv(wire.CertVariable)))
	config := &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted}
	switch mode {
	case "trusts everybody":
		config.ClientAuth = tls.NoClientCert
	case "trusts any certificate":
		config.ClientAuth = tls.RequireAnyClientCert
	case "other certificate":
		if config.Certificates[0], err = wire.NewCertificate(); err != nil {
			panic(err)
		}
	}
	s := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)), grpc.MaxSendMsgSize(100<<20))
	wire.RegisterPluginServer(s, p)
	version, own := "1", base64.RawStdEncoding.EncodeToString(cert.Certificate[0])
	switch mode {
	case "other protocol":
		version = "9"
	case "no certificate":
		own = ""
	case "padded":
		own += "="
	case "garbage certificate":
		own = base64.RawStdEncoding.EncodeToString([]byte("garbage"))
	}
	fmt.Printf("1|%s|unix|%s|grpc|%s\n", version, address, own)
	if err := s.Serve(l); err != nil {
		panic(err)
	}
}

func (p *plugin) send(m *wire.PluginMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.stream.Send(m)
}

// ask asks the bot for something and waits for the answer.
func (p *plugin) ask(r *wire.Request) *wire.Answer {
	p.send(&wire.PluginMessage{Kind: &wire.PluginMessage_Request{Request: r}})
	return <-p.answers
}

func (p *plugin) Session(stream wire.Plugin_SessionServer) error {
	p.stream = stream
	if _, err := stream.Recv(); err != nil {
		return err
	}
	ready := &wire.Ready{Name: "good", Version: "1.0.0", Actions: []string{"echo", "keep"}, Calls: p.streams}
	switch p.mode {
	case "never ready":
		hang()
	case "other name":
		ready.Name = "evil"
	case "other version":
		ready.Version = "1.0.1"
	case "fewer actions":
		ready.Actions = ready.Actions[:1]
	case "more actions":
		ready.Actions = append(ready.Actions, "more")
	case "no ready":
		p.send(&wire.PluginMessage{Kind: &wire.PluginMessage_Pong{Pong: &wire.Pong{}}})
	case "ends the session":
		return errors.New("no")
	case "ready twice":
		p.send(&wire.PluginMessage{Kind: &wire.PluginMessage_Ready{Ready: ready}})
	}
	p.send(&wire.PluginMessage{Kind: &wire.PluginMessage_Ready{Ready: ready}})
	for {
		m, err := stream.Recv()
		if err != nil {
			if p.mode == "outlives the bot" {
				hang()
			}
			os.Exit(0)
		}
		switch k := m.GetKind().(type) {
		case *wire.HostMessage_Ping:
			id := k.Ping.GetId()
			switch p.mode {
			case "no pong":
				continue
			case "other pong":
				id++
			}
			p.send(&wire.PluginMessage{Kind: &wire.PluginMessage_Pong{Pong: &wire.Pong{Id: id}}})
		case *wire.HostMessage_Cancel:
			p.mu.Lock()
			cancel := p.calls[k.Cancel.GetCall()]
			p.mu.Unlock()
			if cancel == nil && p.mode == "dies of an unknown cancel" {
				panic("no such call")
			}
			if cancel != nil && p.mode != "ignores cancel" {
				cancel()
			}
		case *wire.HostMessage_Answer:
			select {
			case p.answers <- k.Answer:
			default:
			}
		case *wire.HostMessage_Stop:
			switch p.mode {
			case "does not stop":
				continue
			case "drops calls":
				os.Exit(0)
			}
			for p.running.Load() > 0 {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(20 * time.Millisecond) // for the answers to leave
			os.Exit(0)
		default:
			if p.mode == "dies of the unknown" {
				panic("an unknown message")
			}
		}
	}
}

func (p *plugin) Calls(stream wire.Plugin_CallsServer) error {
	var sending sync.Mutex
	ended := make(chan error, 1)
	go func() {
		for {
			req, err := stream.Recv()
			if err != nil {
				return
			}
			go func() {
				reply, err := p.Call(stream.Context(), req)
				if err != nil {
					ended <- err
					return
				}
				reply.Id = req.Id
				sending.Lock()
				defer sending.Unlock()
				switch p.mode {
				case "no id":
					reply.Id = 0
				case "replies twice":
					_ = stream.Send(reply)
				}
				_ = stream.Send(reply)
			}()
		}
	}()
	return <-ended
}

func (p *plugin) Call(ctx context.Context, req *wire.CallRequest) (*wire.CallReply, error) {
	n := p.running.Add(1)
	defer p.running.Add(-1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.mu.Lock()
	p.calls[req.Id] = cancel
	p.mu.Unlock()
	failed := func(code, text string) (*wire.CallReply, error) {
		return &wire.CallReply{Result: &wire.CallReply_Error{Error: &wire.Error{Code: code, Text: text}}}, nil
	}
	output := func(v any) (*wire.CallReply, error) {
		data, err := json.Marshal(v)
		if err != nil {
			return failed("json", err.Error())
		}
		return &wire.CallReply{Result: &wire.CallReply_Output{Output: data}}, nil
	}
	switch p.mode {
	case "status":
		return nil, errors.New("not so")
	case "no result":
		return &wire.CallReply{}, nil
	case "bad code":
		return failed("NOT a word", "text")
	case "silent error":
		return failed("failed", "")
	case "exits":
		fmt.Fprintln(os.Stderr, "panic: out of luck")
		os.Exit(3)
	case "wrong output":
		return output(map[string]any{"text": 1})
	case "missing output":
		return output(map[string]any{})
	case "more output":
		return output(map[string]any{"text": "", "more": 1})
	case "one at a time":
		if n > 1 {
			return nil, status.Error(codes.ResourceExhausted, "one at a time")
		}
		time.Sleep(20 * time.Millisecond)
	case "slow", "ignores cancel", "drops calls":
		wait := map[string]time.Duration{"slow": 50 * time.Millisecond, "ignores cancel": time.Second, "drops calls": 10 * time.Second}[p.mode]
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return failed("cancelled", "it was cancelled")
		}
	case "floods":
		for range 1000 {
			fmt.Fprintln(os.Stderr, "a line")
		}
		time.Sleep(50 * time.Millisecond)
	case "long log":
		p.send(&wire.PluginMessage{Kind: &wire.PluginMessage_Log{Log: &wire.Log{Text: strings.Repeat("x", 10_000)}}})
	case "many fields":
		fields := make(map[string]string)
		for n := range 30 {
			fields[fmt.Sprint(n)] = "x"
		}
		p.send(&wire.PluginMessage{Kind: &wire.PluginMessage_Log{Log: &wire.Log{Text: "x", Fields: fields}}})
	}
	if req.Action != "echo" && req.Action != "keep" {
		switch p.mode {
		case "dies of an unknown action":
			panic("unknown action")
		case "unknown status":
			return nil, status.Error(codes.Unimplemented, "no such action")
		case "knows all":
			return output(map[string]any{})
		}
		return failed("unknown_action", "there is none")
	}
	var in struct {
		Text  string         `json:"text"`
		Count int64          `json:"count"`
		Rest  []string       `json:"rest"`
		Map   map[string]any `json:"map"`
		Wait  string         `json:"wait"`
		Mode  string         `json:"mode"`
	}
	d := json.NewDecoder(bytes.NewReader(req.Input))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		switch p.mode {
		case "dies of odd input":
			panic(err)
		case "takes anything":
			return output(map[string]any{"text": ""})
		}
		return failed("input", err.Error())
	}
	switch {
	case p.mode == "dies of large input" && len(req.Input) > 100_000:
		panic("too large")
	case p.mode == "answers too much" && len(req.Input) > 100_000:
		return output(map[string]any{"text": in.Text + in.Text})
	case p.mode == "dies of zero bytes" && strings.ContainsRune(in.Text, 0):
		panic("a zero byte")
	}
	if req.Action == "echo" {
		return output(map[string]any{"text": in.Text, "count": in.Count})
	}
	r := &wire.Request{Id: req.Id, Call: req.Id, Kind: &wire.Request_SetState{SetState: &wire.SetState{Key: "k", Value: []byte("1")}}}
	reply := func(input string) { r.Kind = &wire.Request_Do{Do: &wire.Do{Action: "reply", Input: []byte(input)}} }
	switch p.mode {
	case "asks with id 0":
		r.Id = 0
	case "asks for no call":
		r.Call = 1 << 50
	case "asks for nothing":
		r.Kind = nil
	case "asks for too much":
		r.Kind = &wire.Request_Do{Do: &wire.Do{Action: "send", Input: []byte("{}")}}
	case "long key":
		r.Kind.(*wire.Request_SetState).SetState.Key = strings.Repeat("k", 201)
	case "no JSON":
		r.Kind.(*wire.Request_SetState).SetState.Value = []byte("{")
	case "large value":
		r.Kind.(*wire.Request_SetState).SetState.Value = []byte(`"` + strings.Repeat("x", 70_000) + `"`)
	case "other signal":
		r.Kind = &wire.Request_Signal{Signal: &wire.Signal{Name: "other"}}
	case "replies badly":
		reply(`{"txt":"hi"}`)
	case "replies":
		reply(`{"text":"hi"}`)
	}
	switch a := p.ask(r); {
	case a.GetError() != nil && p.mode == "dies of a refusal":
		panic(a.GetError().GetText())
	case a.GetError() != nil:
		return failed(a.GetError().GetCode(), a.GetError().GetText())
	}
	return output(map[string]any{"text": in.Text})
}

// hang never returns. A bare select would be found out as a deadlock where no other goroutine can go on.
func hang() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGURG)
	for {
		<-c
	}
}
