package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"google.golang.org/grpc"

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

func (i *instance) pid() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.proc == nil {
		return 0
	}
	return i.proc.pid
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
