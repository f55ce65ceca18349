package plugintest

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/timbot-go/timbot/plugins/wire"
)

// Bounds that bots have too.
const (
	maxLine   = 8 << 10 // bytes of a line for the log
	maxFields = 20
	maxLines  = 200 // a second
)

// problem is something wrong, and the check that it fails.
type problem struct{ check, text string }

func (p *problem) Error() string { return p.text }

func wrong(check, format string, args ...any) *problem {
	return &problem{check, fmt.Sprintf(format, args...)}
}

// process is the plugin's program while it runs.
type process struct {
	t      *tester
	cmd    *exec.Cmd
	socket string // the folder of its socket
	cert   tls.Certificate
	lines  chan string   // its standard output's first line
	gone   chan struct{} // closed when it has ended and all was read
	took   time.Duration // until it was ready

	network, address string
	conn             *grpc.ClientConn
	client           wire.PluginClient
	stream           wire.Plugin_SessionClient
	ready            *wire.Ready
	caller           *wire.Calls // nil: it is called by client
	ctx              context.Context
	cancel           context.CancelFunc
	over             chan struct{} // closed when the session has ended

	sending sync.Mutex
	mu      sync.Mutex
	stderr  []string // the last lines
	said    int      // lines to stderr, stdout and the log
	pongs   chan uint64
	calls   map[uint64]*call
	lastID  uint64
	open    map[uint64]bool // requests that are not answered yet
}

// environment is what a plugin sees.
func (t *tester) environment(extra ...string) []string {
	env := []string{"HOME=" + t.work, "TMPDIR=" + t.work}
	for _, name := range append([]string{"PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT"}, t.options.Env...) {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, extra...)
}

// spawn starts the program and reads what it writes.
func (t *tester) spawn(ctx context.Context) (*process, error) {
	socket, err := os.MkdirTemp("", "timbot-")
	if err != nil {
		return nil, err
	}
	cert, err := wire.NewCertificate()
	if err != nil {
		return nil, err
	}
	p := &process{
		t: t, socket: socket, cert: cert, lines: make(chan string, 1), gone: make(chan struct{}), over: make(chan struct{}),
		pongs: make(chan uint64, 1000), calls: make(map[uint64]*call), open: make(map[uint64]bool),
	}
	p.ctx, p.cancel = context.WithCancel(ctx)
	p.cmd = t.command()
	p.cmd.Env = t.environment(
		wire.CookieVariable+"="+wire.Cookie, "PLUGIN_PROTOCOL_VERSIONS=1", wire.SocketDirVariable+"="+socket,
		"PLUGIN_MIN_PORT=10000", "PLUGIN_MAX_PORT=25000",
		wire.CertVariable+"="+string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})),
	)
	var files []*os.File
	pipe := func() (r, w *os.File) {
		r, w, err1 := os.Pipe()
		err = errors.Join(err, err1)
		files = append(files, r, w)
		return r, w
	}
	in, alive := pipe()
	out, outW := pipe()
	errs, errsW := pipe()
	if err == nil {
		p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = in, outW, errsW
		err = p.cmd.Start()
	}
	if err != nil {
		for _, f := range files {
			f.Close()
		}
		os.RemoveAll(socket)
		return nil, err
	}
	for _, f := range []*os.File{in, outW, errsW} {
		f.Close()
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		first := true
		p.read(out, func(line string) {
			if first {
				p.lines <- line
				first = false
				return
			}
			p.counted()
		})
		close(p.lines)
	})
	reading.Go(func() {
		p.read(errs, func(line string) {
			p.counted()
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.stderr = append(p.stderr, line); len(p.stderr) > 50 {
				p.stderr = p.stderr[1:]
			}
		})
	})
	go func() { // ends with the process
		_ = p.cmd.Wait()                                                                    // what it returns is in ProcessState
		timer := time.AfterFunc(500*time.Millisecond, func() { out.Close(); errs.Close() }) // whoever else holds them
		reading.Wait()
		timer.Stop()
		for _, f := range []*os.File{out, errs, alive} {
			f.Close()
		}
		close(p.gone)
	}()
	return p, nil
}

// read calls said with each line, cut.
func (p *process) read(f *os.File, said func(string)) {
	r := bufio.NewReaderSize(f, 64<<10)
	for {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 {
			said(strings.ToValidUTF8(strings.TrimRight(string(line), "\r\n"), "\uFFFD"))
		}
		for err == bufio.ErrBufferFull {
			_, err = r.ReadSlice('\n')
		}
		if err != nil {
			return
		}
	}
}

func (p *process) counted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said++
}

func (p *process) linesSaid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said
}

// dying is how long a program whose connection broke may take to end, before it is said to be running.
const dying = 2 * time.Second

// end is how the program ended, or that it runs.
func (p *process) end() string {
	text := "its program is still running"
	grace := time.Duration(0)
	if !p.alive() { // the connection is gone; the program that had it may take a moment to be gone too
		grace = dying
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.gone:
		text = "its program ended: " + p.cmd.ProcessState.String()
	case <-timer.C:
		select {
		case <-p.gone:
			text = "its program ended: " + p.cmd.ProcessState.String()
		default:
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	reason := ""
	for _, line := range p.stderr {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			reason = line
			break
		}
		if s := strings.TrimSpace(line); s != "" {
			reason = s
		}
	}
	if reason != "" {
		text += "; it wrote to its standard error: " + short(reason)
	}
	return text
}

// short is a text of the plugin's, at a length for people.
func short(s string) string {
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}

// close ends the program, whatever it does.
func (p *process) close() {
	if p == nil {
		return
	}
	p.cancel()
	if p.conn != nil {
		p.conn.Close()
	}
	killGroup(p.cmd.Process.Pid)
	<-p.gone
	if p.stream != nil {
		<-p.over
	}
	os.RemoveAll(p.socket)
}

// alive reports whether calls can be made.
func (p *process) alive() bool {
	if p == nil || p.stream == nil {
		return false
	}
	select {
	case <-p.gone:
		return false
	case <-p.over:
		return false
	default:
		return true
	}
}

// handshake waits for the line and takes it apart.
func (p *process) handshake(deadline <-chan time.Time) error {
	var line string
	var wrote bool
	select {
	case line, wrote = <-p.lines:
	case <-deadline:
		return wrong("start", "it wrote no handshake to its standard output within %s: a bot gives up then. Is the output flushed? (%s)",
			p.t.options.StartTimeout, p.end())
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	}
	if !wrote {
		<-p.gone
		return wrong("handshake", "it wrote no handshake: %s", p.end())
	}
	bad := func(format string, args ...any) error {
		return wrong("handshake", "the first line on its standard output is %q: %s. It must be 1|1|unix|PATH|grpc|CERTIFICATE", short(line),
			fmt.Sprintf(format, args...))
	}
	parts := strings.Split(line, "|")
	wantNetwork := "unix"
	if runtime.GOOS == "windows" {
		wantNetwork = "tcp"
	}
	switch {
	case len(parts) < 2 || parts[0] != "1":
		return bad("that is no handshake; what a program prints for people belongs on its standard error")
	case parts[1] != fmt.Sprint(wire.Version):
		return bad("it speaks version %q of the protocol, and this timbot %d", parts[1], wire.Version)
	case len(parts) != 6:
		return bad("it has %d parts between its |, and needs 6", len(parts))
	case parts[2] != wantNetwork:
		return bad("the third part must be %s here", wantNetwork)
	case parts[4] != "grpc":
		return bad("the fifth part must be grpc")
	case parts[5] == "":
		return bad("the sixth part, its certificate, is empty")
	case strings.HasSuffix(parts[5], "="):
		return bad("the certificate's base64 must be without the = at its end")
	case wantNetwork == "unix" && filepath.Dir(parts[3]) != filepath.Clean(p.socket):
		return bad("its socket must lie in the folder that PLUGIN_UNIX_SOCKET_DIR names")
	}
	der, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return bad("the certificate is no base64 (%v)", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return bad("the certificate is no X.509 in DER (%v)", err)
	}
	if err := cert.VerifyHostname("localhost"); err != nil {
		return wrong("handshake", "its certificate is not for localhost: %v. The name belongs into subjectAltName", err)
	}
	p.network, p.address = parts[2], parts[3]
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	p.conn, err = grpc.NewClient("passthrough:///plugin",
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
			Certificates: []tls.Certificate{p.cert}, RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12,
		})),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, p.network, p.address)
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(wire.MaxMessage), grpc.MaxCallSendMsgSize(wire.MaxMessage)),
	)
	if err != nil {
		return wrong("handshake", "%v", err)
	}
	p.client = wire.NewPluginClient(p.conn)
	return nil
}

// greet opens the session and waits for Ready.
func (p *process) greet(deadline <-chan time.Time) error {
	type answer struct {
		stream wire.Plugin_SessionClient
		first  *wire.PluginMessage
		err    error
	}
	answers := make(chan answer, 1)
	go func() { // ends with the process's context
		var a answer
		defer func() { answers <- a }()
		if a.stream, a.err = p.client.Session(p.ctx); a.err != nil {
			return
		}
		rights := p.t.manifest.Asks
		a.err = a.stream.Send(&wire.HostMessage{Kind: &wire.HostMessage_Hello{Hello: &wire.Hello{
			Host: "timbot plugin test", Plugin: p.t.manifest.Name, Data: p.t.work,
			Actions: rights.Actions, Signals: rights.Signals, State: rights.State,
		}}})
		if a.err == nil || errors.Is(a.err, io.EOF) {
			a.first, a.err = a.stream.Recv()
		}
	}()
	var a answer
	select {
	case a = <-answers:
	case <-deadline:
		p.cancel()
		<-answers
		return wrong("start", "its session was opened and greeted, and it did not say Ready within %s from its start: a bot gives up then (%s)",
			p.t.options.StartTimeout, p.end())
	}
	if a.err != nil {
		p.settle(a.err)
		if strings.Contains(a.err.Error(), "tls:") || strings.Contains(a.err.Error(), "authentication handshake") {
			return wrong("tls", "a bot cannot connect: %s", short(a.err.Error()))
		}
		return wrong("ready", "the session ended before it said Ready: %s (%s)", short(a.err.Error()), p.end())
	}
	if a.first.GetReady() == nil {
		return wrong("ready", "its first message on the session is %T, and must be Ready", a.first.GetKind())
	}
	p.stream, p.ready = a.stream, a.first.GetReady()
	if p.ready.GetCalls() {
		var err error
		if p.caller, err = wire.OpenCalls(p.ctx, p.client); err != nil {
			return wrong("ready", "it says that it has the stream Calls, which cannot be opened: %s", short(err.Error()))
		}
		go p.receive()
	}
	go p.listen()
	return nil
}

// settle waits a moment for a program to end whose connection broke, so that it can be told how.
func (p *process) settle(err error) {
	switch status.Code(err) {
	case codes.Unavailable, codes.Canceled, codes.Internal:
	default:
		return
	}
	select {
	case <-p.gone:
	case <-time.After(time.Second):
	}
}

// start starts the program and brings it to where it can be called. An error is a *problem, or one that is not the plugin's.
func (t *tester) start(ctx context.Context) (p *process, err error) {
	began := time.Now()
	p, err = t.spawn(ctx)
	if err != nil {
		return nil, wrong("start", "it cannot be started: %v", err)
	}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	timer := time.NewTimer(t.options.StartTimeout)
	defer timer.Stop()
	if err := p.handshake(timer.C); err != nil {
		return p, err
	}
	if err := p.greet(timer.C); err != nil {
		return p, err
	}
	p.took = time.Since(began)
	return p, nil
}

func (p *process) send(m *wire.HostMessage) {
	p.sending.Lock()
	defer p.sending.Unlock()
	_ = p.stream.Send(m) // that it has ended is seen elsewhere
}

// receive takes the replies of the stream Calls.
func (p *process) receive() {
	_ = p.caller.Receive(func(r *wire.CallReply) {
		p.t.found("calls", "a reply on the stream Calls is for call %d, which was not made, or answered before", r.GetId())
	})
}

// listen takes what the plugin says.
func (p *process) listen() {
	defer close(p.over)
	for {
		m, err := p.stream.Recv()
		if err != nil {
			return
		}
		switch k := m.GetKind().(type) {
		case *wire.PluginMessage_Ready:
			p.t.found("ready", "it said Ready a second time")
		case *wire.PluginMessage_Pong:
			select {
			case p.pongs <- k.Pong.GetId():
			default:
			}
		case *wire.PluginMessage_Log:
			p.counted()
			if n := len(k.Log.GetText()); n > maxLine {
				p.t.found("log", "a line for the log has %d bytes: a bot cuts it at %d", n, maxLine)
			}
			if n := len(k.Log.GetFields()); n > maxFields {
				p.t.found("log", "a line for the log has %d fields: a bot keeps %d", n, maxFields)
			}
		case *wire.PluginMessage_Request:
			p.asked(k.Request)
		}
	}
}

// ping reports whether a ping is answered within limit.
func (p *process) ping(id uint64, limit time.Duration) bool {
	p.send(&wire.HostMessage{Kind: &wire.HostMessage_Ping{Ping: &wire.Ping{Id: id}}})
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case got := <-p.pongs:
			if got == id {
				return true
			}
		case <-timer.C:
			return false
		case <-p.over:
			return false
		}
	}
}

// unknown is a message of a bot that is newer than the plugin.
func unknown() *wire.HostMessage {
	m := new(wire.HostMessage)
	m.ProtoReflect().SetUnknown([]byte{0xa2, 0x06, 0x02, 0x08, 0x01}) // field 100: {1: 1}
	return m
}

// strangers reports what somebody without the bot's certificate gets of the plugin.
func (p *process) strangers() []string {
	var out []string
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00" // and empty settings
	answers := func(c net.Conn) []byte {
		_ = c.SetDeadline(time.Now().Add(2 * time.Second))
		if _, err := io.WriteString(c, preface); err != nil {
			return nil
		}
		b := make([]byte, 9)
		n, _ := io.ReadFull(c, b)
		return b[:n]
	}
	stranger, err := wire.NewCertificate()
	if err != nil {
		return []string{err.Error()}
	}
	for _, who := range []struct {
		text  string
		certs []tls.Certificate
	}{{"shows no certificate", nil}, {"shows a certificate of its own", []tls.Certificate{stranger}}} {
		raw, err := net.Dial(p.network, p.address)
		if err != nil {
			return append(out, "it takes no second connection: "+err.Error())
		}
		c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, Certificates: who.certs, NextProtos: []string{"h2"}})
		if b := answers(c); len(b) == 9 && b[3] == 4 { // settings
			out = append(out, fmt.Sprintf("it serves a program that %s: it must demand a client certificate, and trust the one in "+
				"PLUGIN_CLIENT_CERT and no other", who.text))
		}
		raw.Close()
	}
	raw, err := net.Dial(p.network, p.address)
	if err != nil {
		return append(out, err.Error())
	}
	defer raw.Close()
	if b := answers(raw); len(b) == 9 && b[3] == 4 && !slices.Equal(b[:2], []byte{0x15, 3}) {
		out = append(out, "it serves a program that speaks without TLS")
	}
	return out
}
