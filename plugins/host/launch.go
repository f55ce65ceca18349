package host

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/timbot-go/timbot/plugins/wire"
)

// service is what go-plugin wants to hear of; it is never asked for.
type service struct {
	plugin.NetRPCUnsupportedPlugin
}

func (service) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return nil }

func (service) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

// launch starts a plugin's program and waits until it can be called. The error says what is wrong in words of people.
func (h *Host) launch(ctx context.Context, i *instance) (err error) {
	defer func() {
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			i.breakWith(err)
			i.cleanUp()
			err = i.verdict(err)
		}
	}()
	if err := h.prepare(); err != nil {
		return err
	}
	if err := i.plugin.verify(); err != nil {
		return err
	}
	program, err := i.plugin.program()
	if err != nil {
		return err
	}
	work := filepath.Join(h.dir, i.plugin.Name)
	if err := os.MkdirAll(work, 0o700); err != nil {
		return err
	}
	cert, err := wire.NewCertificate()
	if err != nil {
		return err
	}
	tlsConfig := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, ServerName: "localhost"}
	forget := func() bool { return true }
	config := &plugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: wire.Version, MagicCookieKey: wire.CookieVariable, MagicCookieValue: wire.Cookie,
		},
		Plugins:          plugin.PluginSet{"timbot": service{}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		TLSConfig:        tlsConfig, // AutoMTLS with a certificate that every library takes
		SkipHostEnv:      true,
		Logger:           hclog.NewNullLogger(),
		Stderr:           io.Discard,
		StartTimeout:     24 * time.Hour, // ctx says how long
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: h.run},
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, tmp string) (runner.Runner, error) {
			i.tmp = tmp
			cmd := exec.Command(program, i.plugin.args()...)
			cmd.Dir = work
			cmd.Env = append(h.environment(i.plugin, work), spec.Env...)
			pemCert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
			cmd.Env = append(cmd.Env, wire.CertVariable+"="+string(pemCert))
			p, err := spawn(h.spawner, cmd, h.clock, func(level, text string, lost int) { i.say(i.pid(), level, text, lost) })
			if err != nil {
				return nil, err
			}
			i.mu.Lock()
			i.proc = p
			i.mu.Unlock()
			forget = context.AfterFunc(ctx, p.kill) // ctx is of the start alone
			return p, nil
		},
	}
	client := plugin.NewClient(config)
	addr, err := client.Start()
	if err != nil {
		return i.handshakeError(err)
	}
	if tlsConfig.RootCAs == nil {
		return errors.New("its handshake gives no certificate: the line's sixth part")
	}
	i.conn, err = grpc.NewClient("passthrough:///plugin",
		grpc.WithTransportCredentials(credentials.NewTLS(tlsConfig)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, addr.Network(), addr.String())
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(wire.MaxMessage), grpc.MaxCallSendMsgSize(wire.MaxMessage)),
		// Fixed windows: else each side pings the other to measure the way between them. A call is never repeated unseen.
		grpc.WithInitialWindowSize(wire.MaxMessage), grpc.WithInitialConnWindowSize(4*wire.MaxMessage),
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(),
	)
	if err != nil {
		return err
	}
	i.client = wire.NewPluginClient(i.conn)
	if err := i.greet(ctx, work); err != nil {
		return err
	}
	if !forget() {
		return context.Cause(ctx)
	}
	i.run()
	return nil
}

// greet opens the session and waits for Ready.
func (i *instance) greet(ctx context.Context, work string) error {
	stop := context.AfterFunc(ctx, i.cancel)
	defer stop()
	var err error
	if i.stream, err = i.client.Session(i.ctx); err != nil {
		return fmt.Errorf("open the session: %w", err)
	}
	err = i.stream.Send(&wire.HostMessage{Kind: &wire.HostMessage_Hello{Hello: &wire.Hello{
		Host: "timbot " + i.host.version, Plugin: i.plugin.Name, Data: work,
		Actions: i.plugin.Rights.Actions, Signals: i.plugin.Rights.Signals, State: i.plugin.Rights.State,
	}}})
	if err != nil && !errors.Is(err, io.EOF) { // which Recv explains
		return fmt.Errorf("open the session: %w", err)
	}
	first, err := i.stream.Recv()
	if err != nil {
		return fmt.Errorf("wait for ready: %w", err)
	}
	ready := first.GetReady()
	switch {
	case ready == nil:
		return errors.New("its first message is not ready")
	case ready.Name != i.plugin.Program || ready.Version != i.plugin.Version:
		return fmt.Errorf("the program says that it is %s %s, and plugin.yaml %s %s",
			quoted(ready.Name), quoted(ready.Version), i.plugin.Program, i.plugin.Version)
	}
	for _, a := range i.plugin.Actions {
		if !slices.Contains(ready.Actions, a.name()) {
			return fmt.Errorf("the program has no action %s, and plugin.yaml has: is it current?", a.name())
		}
	}
	if ready.GetCalls() {
		if i.calls, err = wire.OpenCalls(i.ctx, i.client); err != nil {
			return fmt.Errorf("open the stream of calls: %w", err)
		}
	}
	if !stop() {
		return context.Cause(ctx)
	}
	return nil
}

// environment is what a plugin sees of the bot's.
func (h *Host) environment(p *Plugin, work string) []string {
	env := []string{"HOME=" + work, "TMPDIR=" + work}
	for _, name := range append([]string{"PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT"}, p.Env...) {
		if value, ok := h.env(name); ok {
			env = append(env, name+"="+value)
		}
	}
	if p.Limits.Memory > 0 {
		env = append(env, fmt.Sprintf("GOMEMLIMIT=%d", p.Limits.Memory/10*9))
	}
	return env
}

// handshakeError says what is wrong with the line that a plugin began with.
func (i *instance) handshakeError(err error) error {
	if i.proc == nil {
		return err
	}
	var line string
	var wrote bool
	select {
	case line, wrote = <-i.proc.line:
	default:
	}
	if !wrote { // it ended, or was killed, before it wrote one
		return errors.New("it wrote no handshake")
	}
	parts := strings.Split(line, "|")
	switch {
	case len(parts) < 6 || parts[0] != "1":
		return fmt.Errorf("the first line that it wrote to its standard output is no handshake: %s", quoted(line))
	case parts[1] != fmt.Sprint(wire.Version):
		return fmt.Errorf("it speaks version %s of the protocol, and this timbot version %d", quoted(parts[1]), wire.Version)
	}
	return fmt.Errorf("its handshake %s: %w", quoted(line), err)
}
