package host

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"github.com/jonboulle/clockwork"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/plugins/wire"
)

const (
	pingEvery    = 5 * time.Second
	pingTimeout  = 15 * time.Second // without a Pong: the plugin hangs
	memoryEvery  = time.Second
	cancelGrace  = time.Second // for the end of a call that was cancelled
	maxOutbox    = 1000        // messages that the plugin has not taken
	maxAsking    = 64          // requests of a plugin at once
	verdictAfter = time.Second // how long an error of the connection waits for the process to end and say why
)

// service is what go-plugin wants to hear of; it is never asked for.
type service struct {
	plugin.NetRPCUnsupportedPlugin
}

func (service) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return nil }

func (service) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

// instance is one running process of a plugin, from its handshake on.
type instance struct {
	host   *Host
	plugin *Plugin
	say    func(pid int, level, text string, lost int)
	asked  func(*instance, *wire.Request, *running)
	unwell func(ok bool, text string)

	proc   *process
	tmp    string // the folder of its socket
	conn   *grpc.ClientConn
	client wire.PluginClient
	stream wire.Plugin_SessionClient
	calls  *wire.Calls     // nil: it is called by client
	ctx    context.Context // of all calls; ends with the instance
	cancel context.CancelFunc
	began  time.Time

	outbox chan *wire.HostMessage
	broken chan struct{} // closed when it is of no use any more
	dead   chan struct{} // closed when nothing of it is left
	ended  chan struct{} // closed when the supervisor knows that

	mu       sync.Mutex
	cause    error // why it is broken; nil: it was told to stop
	stopping bool
	lastID   uint64
	running  map[uint64]*running
	idle     chan struct{} // closed when it is draining and no call is left; nil: it takes calls
	pinged   uint64
	ponged   uint64
	asking   int
	sweepAt  time.Time // when overdue calls are looked for next; zero: never
	sweeper  clockwork.Timer
	work     sync.WaitGroup
}

// running is a call.
type running struct {
	id     uint64
	action *Action
	call   *actions.Call
	asks   int // actions that the bot did for it
	due    time.Time
	told   bool // that it is to end
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

// run looks after the instance until it ends.
func (i *instance) run() {
	i.began = i.host.clock.Now()
	i.work.Go(i.write)
	i.work.Go(i.listen)
	if i.calls != nil {
		i.work.Go(func() { i.streamEnded("stream of calls", i.calls.Receive(nil)) })
	}
	i.work.Go(i.watch)
	go func() { // ends with the process, and tells by dead
		i.work.Wait()
		i.cleanUp()
	}()
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

func (i *instance) pid() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.proc == nil {
		return 0
	}
	return i.proc.pid
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

// quoted is a text of a plugin's, at a length that fits into an error.
func quoted(s string) string {
	if len(s) > 100 {
		s = strings.ToValidUTF8(s[:100], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

// verdict waits a little for the process to end, and says how it did, and what it said.
func (i *instance) verdict(err error) error {
	i.mu.Lock()
	proc := i.proc
	if i.cause != nil {
		err = i.cause
	}
	i.mu.Unlock()
	if proc == nil {
		return err
	}
	timer := i.host.clock.NewTimer(verdictAfter)
	defer timer.Stop()
	select {
	case <-proc.gone:
	case <-timer.Chan():
		return err
	}
	var own *faultError
	if !errors.As(err, &own) { // else it was killed for what the error says
		err = fmt.Errorf("%w: %s", err, proc.end())
	}
	if reason := i.host.reason(i.plugin.Name, proc.pid); reason != "" {
		err = fmt.Errorf("%w; it said: %s", err, reason)
	}
	return err
}

// faultError is why a process was killed.
type faultError struct{ text string }

func (e *faultError) Error() string { return e.text }

// breakWith ends the instance: no call begins any more, those that run fail, and the process is killed. A nil cause is a stop that
// was asked for.
func (i *instance) breakWith(cause error) {
	i.mu.Lock()
	select {
	case <-i.broken:
		i.mu.Unlock()
		return
	default:
	}
	if !i.stopping {
		i.cause = cause
	}
	close(i.broken)
	proc := i.proc
	i.mu.Unlock()
	i.cancel()
	if proc != nil {
		proc.kill()
	}
}

// cleanUp leaves nothing of the instance behind.
func (i *instance) cleanUp() {
	i.cancel()
	i.mu.Lock()
	if i.sweeper != nil {
		i.sweeper.Stop()
	}
	i.mu.Unlock()
	if i.conn != nil {
		i.conn.Close()
	}
	if i.proc != nil {
		i.proc.kill()
		<-i.proc.gone
	}
	if i.tmp != "" {
		_ = os.RemoveAll(i.tmp)
	}
	close(i.dead)
}

// send gives the plugin a message. It does not wait: one that does not take them is killed.
func (i *instance) send(m *wire.HostMessage) {
	select {
	case i.outbox <- m:
	default:
		i.breakWith(&faultError{"it does not read what the bot tells it"})
	}
}

func (i *instance) write() {
	for {
		select {
		case m := <-i.outbox:
			if i.stream.Send(m) != nil {
				return // listen says why
			}
		case <-i.broken:
			return
		}
	}
}

// listen takes what the plugin says until the session ends.
func (i *instance) listen() {
	m := &meter{clock: i.host.clock, stop: i.broken}
	for {
		msg, err := i.stream.Recv()
		if err != nil {
			i.streamEnded("session", err)
			return
		}
		switch k := msg.Kind.(type) {
		case *wire.PluginMessage_Pong:
			i.mu.Lock()
			i.ponged = max(i.ponged, min(k.Pong.GetId(), i.pinged))
			i.mu.Unlock()
		case *wire.PluginMessage_Log:
			i.logged(k.Log, m)
		case *wire.PluginMessage_Health:
			i.unwell(k.Health.GetOk(), quotedText(k.Health.GetText()))
		case *wire.PluginMessage_Request:
			i.request(k.Request)
		}
	}
}

// streamEnded ends the instance with one of its streams: at once when it was told to stop, else when the process had time to end.
func (i *instance) streamEnded(stream string, err error) {
	i.mu.Lock()
	stopping := i.stopping
	i.mu.Unlock()
	select {
	case <-i.broken:
		return
	default:
	}
	if !stopping { // a process that crashed is gone in a moment, and then says how
		timer := i.host.clock.NewTimer(verdictAfter)
		select {
		case <-i.proc.gone:
		case <-timer.Chan():
		}
		timer.Stop()
	}
	select {
	case <-i.proc.gone:
		err = errors.New("its process ended")
	default:
		if errors.Is(err, io.EOF) {
			err = errors.New("it ended the " + stream)
		} else {
			err = fmt.Errorf("the %s ended: %w", stream, err)
		}
	}
	i.breakWith(err)
}

func (i *instance) logged(l *wire.Log, m *meter) {
	ok, lost := m.take(len(l.GetText()))
	if !ok {
		return
	}
	level := "info"
	switch l.GetLevel() {
	case wire.Log_LEVEL_DEBUG:
		level = "debug"
	case wire.Log_LEVEL_WARN:
		level = "warn"
	case wire.Log_LEVEL_ERROR:
		level = "error"
	}
	text := l.GetText()
	for n, key := range slices.Sorted(maps.Keys(l.GetFields())) {
		if n == 20 {
			break
		}
		text += " " + key + "=" + l.GetFields()[key]
	}
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + "…"
	}
	i.say(i.proc.pid, level, text, lost)
}

// request has a request of the plugin answered.
func (i *instance) request(r *wire.Request) {
	i.mu.Lock()
	var call *running
	if id := r.GetCall(); id != 0 {
		if call = i.running[id]; call == nil {
			i.mu.Unlock()
			i.answer(r, nil, &wire.Error{Code: "no_call", Text: "the call is over", Final: true})
			return
		}
	}
	if i.asking >= maxAsking {
		i.mu.Unlock()
		i.answer(r, nil, &wire.Error{Code: "busy", Text: fmt.Sprintf("%d requests are being answered already", maxAsking)})
		return
	}
	i.asking++
	i.mu.Unlock()
	i.work.Go(func() {
		defer func() {
			i.mu.Lock()
			i.asking--
			i.mu.Unlock()
		}()
		i.asked(i, r, call)
	})
}

func (i *instance) answer(r *wire.Request, output []byte, err *wire.Error) {
	a := &wire.Answer{Id: r.GetId()}
	if err != nil {
		a.Result = &wire.Answer_Error{Error: err}
	} else {
		a.Result = &wire.Answer_Output{Output: output}
	}
	i.send(&wire.HostMessage{Kind: &wire.HostMessage_Answer{Answer: a}})
}

// watch pings the plugin, and looks at its memory, until its process ends.
func (i *instance) watch() {
	clock := i.host.clock
	ping := clock.NewTicker(pingEvery)
	defer ping.Stop()
	var memory <-chan time.Time
	if i.plugin.Limits.Memory > 0 {
		t := clock.NewTicker(memoryEvery)
		defer t.Stop()
		memory = t.Chan()
	}
	answered := clock.Now()
	for {
		select {
		case <-ping.Chan():
			now := clock.Now()
			i.mu.Lock()
			if i.ponged == i.pinged {
				answered = now
			}
			late := now.Sub(answered) >= pingTimeout
			i.pinged++
			id := i.pinged
			i.mu.Unlock()
			if late {
				i.breakWith(&faultError{fmt.Sprintf("it did not answer for %s and was killed", pingTimeout)})
				continue
			}
			i.send(&wire.HostMessage{Kind: &wire.HostMessage_Ping{Ping: &wire.Ping{Id: id}}})
			i.host.lookAt(i)
		case <-memory:
			if have, ok := resident(i.proc.pid); ok && have > i.plugin.Limits.Memory {
				i.breakWith(&faultError{fmt.Sprintf("it held %d MiB of memory, and may hold %d: it was killed",
					have>>20, i.plugin.Limits.Memory>>20)})
			}
		case <-i.proc.gone:
			i.breakWith(errors.New("its process ended"))
			return
		}
	}
}

// begin makes a call known that has so long; nil when the instance takes none any more.
func (i *instance) begin(a *Action, call *actions.Call, limit time.Duration) *running {
	due := i.host.clock.Now().Add(limit)
	i.mu.Lock()
	defer i.mu.Unlock()
	select {
	case <-i.broken:
		return nil
	default:
	}
	if i.idle != nil {
		return nil
	}
	i.lastID++
	r := &running{id: i.lastID, action: a, call: call, due: due}
	i.running[r.id] = r
	i.sweepBy(due)
	return r
}

// sweepBy has overdue calls looked for at a time, or before. A timer for each call would cost more than half of the call. The
// caller holds mu.
func (i *instance) sweepBy(due time.Time) {
	if !i.sweepAt.IsZero() && !due.Before(i.sweepAt) {
		return
	}
	if i.sweeper != nil {
		i.sweeper.Stop()
	}
	i.sweepAt = due
	i.sweeper = i.host.clock.AfterFunc(due.Sub(i.host.clock.Now()), i.sweep)
}

// sweep interrupts the calls whose time is over.
func (i *instance) sweep() {
	now := i.host.clock.Now()
	var over []*running
	var next time.Time
	i.mu.Lock()
	for _, r := range i.running {
		switch {
		case !r.due.After(now):
			over = append(over, r)
		case next.IsZero() || r.due.Before(next):
			next = r.due
		}
	}
	i.sweepAt = time.Time{}
	if !next.IsZero() {
		i.sweepBy(next)
	}
	i.mu.Unlock()
	for _, r := range over {
		i.interrupt(r)
	}
}

// call calls the plugin, and blocks until it answers or is broken.
func (i *instance) call(req *wire.CallRequest) (*wire.CallReply, error) {
	if i.calls == nil {
		return i.client.Call(i.ctx, req)
	}
	reply, err := i.calls.Call(req)
	if err != nil { // the stream is over, and so is the instance
		err = status.Error(codes.Unavailable, err.Error())
	}
	return reply, err
}

func (i *instance) end(r *running) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.running, r.id)
	if i.idle != nil && len(i.running) == 0 {
		select {
		case <-i.idle:
		default:
			close(i.idle)
		}
	}
}

// interrupt tells the plugin to end a call, and kills it when it does not.
func (i *instance) interrupt(r *running) {
	i.mu.Lock()
	again := r.told
	r.told = true
	i.mu.Unlock()
	if again {
		return
	}
	i.send(&wire.HostMessage{Kind: &wire.HostMessage_Cancel{Cancel: &wire.Cancel{Call: r.id}}})
	i.host.clock.AfterFunc(cancelGrace, func() {
		i.mu.Lock()
		_, runs := i.running[r.id]
		i.mu.Unlock()
		if runs {
			i.breakWith(&faultError{fmt.Sprintf("it did not end a call of %s when it should, and was killed", r.action.name())})
		}
	})
}

// drain lets the calls that run finish, at most for the longest that one may take, and stops the plugin then.
func (i *instance) drain(grace time.Duration) {
	i.mu.Lock()
	if i.idle == nil {
		i.idle = make(chan struct{})
		if len(i.running) == 0 {
			close(i.idle)
		}
	}
	idle := i.idle
	i.mu.Unlock()
	longest := time.Duration(0)
	for _, a := range i.plugin.Actions {
		longest = max(longest, a.Timeout)
	}
	timer := i.host.clock.NewTimer(longest + cancelGrace)
	select {
	case <-idle:
	case <-i.broken:
	case <-i.host.closing:
	case <-timer.Chan():
	}
	timer.Stop()
	i.stop(grace)
}

// stop asks the plugin to end, and waits until nothing of it is left.
func (i *instance) stop(grace time.Duration) {
	i.mu.Lock()
	i.stopping = true
	i.mu.Unlock()
	i.send(&wire.HostMessage{Kind: &wire.HostMessage_Stop{Stop: &wire.Stop{GraceMs: uint32(grace.Milliseconds())}}})
	timer := i.host.clock.NewTimer(grace)
	select {
	case <-i.proc.gone:
	case <-i.broken:
	case <-timer.Chan():
	}
	timer.Stop()
	i.breakWith(nil)
	<-i.dead
}

// quotedText bounds a text of a plugin's.
func quotedText(s string) string {
	if len(s) > maxReasonText {
		return strings.ToValidUTF8(s[:maxReasonText], "") + "…"
	}
	return s
}
