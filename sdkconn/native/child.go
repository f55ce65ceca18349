package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"

	"github.com/timbot-go/timbot/sdkconn/native/wire"
)

var errEngineClosed = errors.New("the connection was closed")

// errNoMain tells a programmer what is missing.
var errNoMain = errors.New("the program does not call native.Main first thing in its main (or TestMain), so it cannot hold " +
	"the SDK in a child process; add the call, or open the connection with isolate=off")

// child is the engine in a process of its own.
type child struct {
	client *plugin.Client
	stream wire.Library_RunClient
	cancel context.CancelFunc
	said   *lastWords
	loaded

	sending sync.Mutex // the stream takes one at a time
}

// openChild starts the running program again and has it load the library. The child does not get the variables in secrets.
func openChild(ctx context.Context, path string, secrets []string) (_ engine, err error) {
	if !mainCalled.Load() {
		return nil, errNoMain
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("which program this is: %w", err)
	}
	cmd := exec.Command(program)
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if name == "" || !slices.Contains(secrets, name) {
			cmd.Env = append(cmd.Env, v)
		}
	}
	e := &child{said: new(lastWords)}
	var p *process
	e.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: handshake,
		Plugins:         plugin.PluginSet{pluginName: libraryPlugin{}},
		RunnerFunc: func(_ hclog.Logger, theirs *exec.Cmd, _ string) (runner.Runner, error) {
			cmd.Env = append(cmd.Env, theirs.Env...)
			var err error
			p, err = newProcess(cmd, e.said)
			return p, err
		},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		Logger:           hclog.NewNullLogger(),
	})
	var run context.Context
	run, e.cancel = context.WithCancel(context.Background())
	stop := context.AfterFunc(ctx, e.close)
	defer func() {
		if !stop() && err == nil { // ctx ended, and e with it
			err = context.Cause(ctx)
		}
		if err != nil {
			e.close()
			err = fmt.Errorf("the process for the SDK's library: %w", err)
		}
	}()
	protocol, err := e.client.Client()
	if err != nil {
		return nil, err
	}
	service, err := protocol.Dispense(pluginName)
	if err != nil {
		return nil, err
	}
	if e.stream, err = service.(wire.LibraryClient).Run(run); err != nil {
		return nil, err
	}
	if err := e.stream.Send(&wire.Request{Kind: &wire.Request_Load{Load: &wire.Load{Path: path}}}); err != nil {
		return nil, err
	}
	first, err := e.stream.Recv()
	switch l := first.GetLoaded(); {
	case err != nil:
		return nil, e.died(err)
	case l.GetError() != "":
		return nil, errors.New(l.GetError())
	default:
		e.version, e.missing = l.GetVersion(), l.GetMissing()
	}
	e.pid = p.cmd.Process.Pid
	return e, nil
}

func (e *child) start(c call) error {
	e.sending.Lock()
	defer e.sending.Unlock()
	return e.stream.Send(&wire.Request{Kind: &wire.Request_Call{Call: c.wire()}})
}

func (e *child) next() ([]signal, error) {
	s, err := e.stream.Recv()
	if err != nil {
		return nil, e.died(err)
	}
	return []signal{signalOf(s)}, nil
}

// died says how the process ended, as far as it said so itself.
func (e *child) died(err error) error {
	if said := e.said.String(); said != "" {
		return fmt.Errorf("the process that holds the SDK's library ended: %w; it said: %s", err, said)
	}
	return fmt.Errorf("the process that holds the SDK's library ended: %w", err)
}

func (e *child) about() loaded { return e.loaded }

// close ends the process. One that is well ends by itself when its stream does.
func (e *child) close() {
	e.cancel()
	e.client.Kill()
}

// lastWords keeps the beginning of what a process said on its standard error: of a crash that is the reason.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

const maxLastWords = 2 << 10

func (w *lastWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, p[:min(len(p), maxLastWords-len(w.text))]...)
	return len(p), nil
}

func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.TrimSpace(string(w.text))
}
