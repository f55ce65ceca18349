package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	ossignal "os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/native/wire"
)

// handshake tells a child from a program that somebody started.
var handshake = plugin.HandshakeConfig{
	ProtocolVersion:  1,
	MagicCookieKey:   "TIMBOT_NATIVE_CHILD",
	MagicCookieValue: "d2f7c1b09a6e4835",
}

// pluginName is what the child serves.
const pluginName = "library"

// orphanAfter is how long a child without a lifeline waits for its parent, which calls within milliseconds unless it died.
const orphanAfter = time.Minute

var errUnavailable = errors.New("this program cannot load the SDK's library: it was built with -tags nonative, or for a " +
	"system that the SDK is not made for")

var mainCalled atomic.Bool

// Main must be called first thing in main, and in TestMain of tests that open native connections. A native connection
// starts the running program a second time to hold the SDK's library; Main then does that and does not return. In any
// other process it does next to nothing.
func Main() {
	mainCalled.Store(true)
	if os.Getenv(handshake.MagicCookieKey) != handshake.MagicCookieValue {
		return
	}
	// A signal to the whole group or service is for the parent, which may take its time and use the connection meanwhile.
	// What is written to a parent that is gone fails, and ends nothing before leave has cleaned up.
	ossignal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	if fd, err := strconv.ParseUint(os.Getenv(lifelineEnv), 10, 31); err == nil {
		lifeline := os.NewFile(uintptr(fd), "parent")
		go func() { // ends with the process
			_, _ = io.Copy(io.Discard, lifeline)
			leave(1)
		}()
	}
	s := &server{opened: make(chan struct{})}
	clock := sdkconn.Config{}.WithDefaults().Clock
	orphan := clock.AfterFunc(orphanAfter, func() { leave(1) })
	go func() {
		<-s.opened
		orphan.Stop()
	}()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: handshake,
		Plugins:         plugin.PluginSet{pluginName: libraryPlugin{server: s}},
		Logger:          hclog.NewNullLogger(),
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, grpc.MaxRecvMsgSize(math.MaxInt32))...)
		},
	})
	leave(0)
}

// leave ends a child. Its socket goes along: a parent that was killed cannot see to that.
func leave(code int) {
	if dir := os.Getenv(plugin.EnvUnixSocketDir); dir != "" {
		for range 10 {
			if os.RemoveAll(dir) == nil { // else the socket was being made meanwhile
				break
			}
		}
	}
	os.Exit(code)
}

// libraryPlugin joins wire.Library to go-plugin.
type libraryPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	server *server // in the child
}

func (p libraryPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	wire.RegisterLibraryServer(s, p.server)
	return nil
}

func (libraryPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return wire.NewLibraryClient(conn), nil
}

// server is the child's side: it lives as long as its one stream.
type server struct {
	wire.UnimplementedLibraryServer
	once   sync.Once
	opened chan struct{}
}

// Run implements [wire.LibraryServer]. The process ends with the stream: there is no other use for it, and a parent that was
// killed has no other way to say so.
func (s *server) Run(stream wire.Library_RunServer) error {
	s.once.Do(func() { close(s.opened) })
	defer leave(0)
	context.AfterFunc(stream.Context(), func() { leave(0) }) // also when the library does not come back from what it does
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	lib, err := load(first.GetLoad().GetPath())
	if err != nil {
		// The parent reads it, then ends the stream.
		if stream.Send(&wire.Signal{Loaded: &wire.Loaded{Error: err.Error()}}) == nil {
			_, err = stream.Recv()
		}
		return err
	}
	q := newQueue()
	lib.use(q)
	if err := stream.Send(&wire.Signal{Loaded: &wire.Loaded{Version: lib.version, Missing: lib.missing}}); err != nil {
		return err
	}
	go func() { // ends with the process
		for {
			signals := q.take()
			if len(signals) == 0 {
				fmt.Fprintln(os.Stderr, q.reason()) // the parent reads it
				leave(1)
			}
			for _, sig := range signals {
				if stream.Send(sig.wire()) != nil {
					return // the stream has ended, and Recv says so
				}
			}
		}
	}()
	for {
		req, err := stream.Recv()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if c := req.GetCall(); c != nil {
			go lib.call(callOf(c)) // one that hangs must not hold up the others; all end with the process
		}
	}
}

func (s signal) wire() *wire.Signal {
	return &wire.Signal{Id: s.id, Returned: s.returned, Code: s.code, Desc: []byte(s.desc), Json: s.json, Event: int32(s.event),
		Numbers: s.numbers}
}

func signalOf(s *wire.Signal) signal {
	return signal{id: s.Id, returned: s.Returned, code: s.Code, desc: string(s.Desc), json: s.Json, event: event(s.Event),
		numbers: s.Numbers}
}

func (c call) wire() *wire.Call {
	w := &wire.Call{Id: c.id, Function: c.function, Callback: c.callback}
	for _, a := range c.args {
		switch a := a.(type) {
		case string:
			w.Args = append(w.Args, &wire.Arg{Kind: &wire.Arg_Text{Text: []byte(a)}})
		case uint64:
			w.Args = append(w.Args, &wire.Arg{Kind: &wire.Arg_Number{Number: a}})
		}
	}
	return w
}

func callOf(w *wire.Call) call {
	c := call{id: w.Id, function: w.Function, callback: w.Callback}
	for _, a := range w.Args {
		switch a := a.Kind.(type) {
		case *wire.Arg_Text:
			c.args = append(c.args, string(a.Text))
		case *wire.Arg_Number:
			c.args = append(c.args, a.Number)
		}
	}
	return c
}
