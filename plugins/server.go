package plugins

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/timbot-go/timbot/plugins/wire"
)

// kit names this package in the host's log.
const kit = "timbot-go"

var errGone = errors.New("the bot is gone")

// server is the plugin's side of the protocol. It lives as long as its one session.
type server struct {
	wire.UnimplementedPluginServer
	plugin *Plugin
	do     map[string]Handler
	done   chan struct{} // closed when the session has ended

	sending sync.Mutex // the stream takes one at a time
	stream  wire.Plugin_SessionServer

	mu      sync.Mutex
	begun   bool
	calls   map[uint64]context.CancelCauseFunc
	asked   map[uint64]chan *wire.Answer
	lastID  uint64
	stopped bool // no call comes any more
	running sync.WaitGroup
}

func newServer(p *Plugin) *server {
	s := &server{
		plugin: p, do: make(map[string]Handler), done: make(chan struct{}),
		calls: make(map[uint64]context.CancelCauseFunc), asked: make(map[uint64]chan *wire.Answer),
	}
	for _, a := range p.Actions {
		s.do[a.Name] = a.Do
	}
	return s
}

// Session implements wire.PluginServer.
func (s *server) Session(stream wire.Plugin_SessionServer) error {
	s.mu.Lock()
	begun := s.begun
	s.begun, s.stream = true, stream
	s.mu.Unlock()
	if begun {
		return status.Error(codes.FailedPrecondition, "there is a session already")
	}
	defer close(s.done)
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if first.GetHello() == nil {
		return status.Error(codes.FailedPrecondition, "the first message must be hello")
	}
	ready := &wire.Ready{Name: s.plugin.Name, Version: s.plugin.Version, Kit: kit, Calls: true}
	for _, a := range s.plugin.Actions {
		ready.Actions = append(ready.Actions, a.Name)
	}
	if err := s.send(&wire.PluginMessage{Kind: &wire.PluginMessage_Ready{Ready: ready}}); err != nil {
		return err
	}
	own, stopOwn := context.WithCancelCause(stream.Context())
	defer stopOwn(errGone)
	var running sync.WaitGroup
	if s.plugin.Run != nil {
		running.Go(func() { s.run(own) })
	}
	gone := make(chan struct{})
	go func() { // ends with the stream, and with it the session
		defer close(gone)
		s.receive(stream, stopOwn)
	}()
	<-gone
	stopOwn(errGone)
	s.mu.Lock()
	s.stopped = true
	for _, cancel := range s.calls {
		cancel(errGone)
	}
	for _, answer := range s.asked {
		close(answer)
	}
	s.asked = nil
	s.mu.Unlock()
	s.running.Wait()
	running.Wait()
	return nil
}

// receive takes what the host says until it asks the plugin to stop, and that is done, or the stream ends.
func (s *server) receive(stream wire.Plugin_SessionServer, stopOwn context.CancelCauseFunc) {
	stopping := make(chan struct{})
	messages := make(chan *wire.HostMessage)
	go func() { // ends with the stream
		defer close(messages)
		for {
			m, err := stream.Recv()
			if err != nil {
				return
			}
			select {
			case messages <- m:
			case <-s.done:
				return
			}
		}
	}()
	for {
		select {
		case m, ok := <-messages:
			if !ok {
				return
			}
			switch k := m.Kind.(type) {
			case *wire.HostMessage_Ping:
				if s.send(&wire.PluginMessage{Kind: &wire.PluginMessage_Pong{Pong: &wire.Pong{Id: k.Ping.Id}}}) != nil {
					return
				}
			case *wire.HostMessage_Cancel:
				s.mu.Lock()
				cancel := s.calls[k.Cancel.Call]
				s.mu.Unlock()
				if cancel != nil {
					cancel(context.Canceled)
				}
			case *wire.HostMessage_Answer:
				s.mu.Lock()
				answer := s.asked[k.Answer.Id]
				delete(s.asked, k.Answer.Id)
				s.mu.Unlock()
				if answer != nil {
					answer <- k.Answer
				}
			case *wire.HostMessage_Stop:
				s.mu.Lock()
				again := s.stopped
				s.stopped = true
				s.mu.Unlock()
				stopOwn(context.Canceled)
				if !again {
					go func() { // ends with the calls
						s.running.Wait()
						close(stopping)
					}()
				}
			}
		case <-stopping:
			return
		}
	}
}

// run does what the plugin does of its own accord.
func (s *server) run(ctx context.Context) {
	ctx = context.WithValue(ctx, scopeKey{}, &scope{server: s})
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		return s.plugin.Run(ctx)
	}()
	if err != nil && ctx.Err() == nil {
		Log(ctx).Error("the plugin's own work ended", "err", err)
		_ = BotOf(ctx).Unwell(ctx, "its own work ended: "+err.Error())
	}
}

// Call implements wire.PluginServer.
func (s *server) Call(ctx context.Context, req *wire.CallRequest) (reply *wire.CallReply, err error) {
	s.reply(ctx, req, func(r *wire.CallReply) { reply = r })
	return reply, nil
}

// Calls implements wire.PluginServer.
func (s *server) Calls(stream wire.Plugin_CallsServer) error {
	var sending sync.Mutex // the stream takes one at a time
	send := func(r *wire.CallReply) {
		sending.Lock()
		defer sending.Unlock()
		_ = stream.Send(r) // when it has ended nobody waits
	}
	go func() { // ends with the stream
		for {
			req, err := stream.Recv()
			if err != nil {
				return
			}
			go s.reply(stream.Context(), req, send) // ends with the call
		}
	}()
	<-s.done
	return nil
}

// reply has a call done and its reply sent.
func (s *server) reply(ctx context.Context, req *wire.CallRequest, send func(*wire.CallReply)) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(context.Canceled)
	if !s.begin(req.Id, cancel) {
		reply := failure(&Error{Code: "stopping", Text: "the plugin is being stopped"})
		reply.Id = req.Id
		send(reply)
		return
	}
	defer s.end(req.Id)
	reply := s.perform(ctx, req)
	reply.Id = req.Id
	send(reply)
}

// perform does a call, and says what comes of it.
func (s *server) perform(ctx context.Context, req *wire.CallRequest) *wire.CallReply {
	do := s.do[req.Action]
	if do == nil {
		return failure(&Error{
			Code: "unknown_action", Final: true,
			Text: fmt.Sprintf("this program has no action %q: is its plugin.yaml current?", req.Action),
		})
	}
	output, err := s.guarded(context.WithValue(ctx, scopeKey{}, &scope{server: s, call: req}), do, req)
	switch {
	case err != nil:
		return failure(err)
	case len(output) > wire.MaxPayload:
		return failure(&Error{Code: "too_large", Final: true,
			Text: fmt.Sprintf("the outputs have %d bytes of JSON: a bot takes at most %d", len(output), wire.MaxPayload)})
	}
	return &wire.CallReply{Result: &wire.CallReply_Output{Output: output}}
}

// guarded makes an error of a panic.
func (s *server) guarded(ctx context.Context, do Handler, req *wire.CallRequest) (output []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			Log(ctx).Error("panic", "action", req.Action, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = &Error{Code: "panic", Text: fmt.Sprintf("panic: %v", p), Unsettled: true}
		}
	}()
	return do.call(ctx, req.Input)
}

func failure(err error) *wire.CallReply {
	return &wire.CallReply{Result: &wire.CallReply_Error{Error: wireError(err)}}
}

func (s *server) begin(id uint64, cancel context.CancelCauseFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.calls[id] = cancel
	s.running.Add(1)
	return true
}

func (s *server) end(id uint64) {
	s.mu.Lock()
	delete(s.calls, id)
	s.mu.Unlock()
	s.running.Done()
}

func (s *server) send(m *wire.PluginMessage) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.stream.Send(m)
}

// ask asks the host for something, and waits for the answer.
func (s *server) ask(ctx context.Context, r *wire.Request) ([]byte, error) {
	answer := make(chan *wire.Answer, 1)
	s.mu.Lock()
	if s.asked == nil {
		s.mu.Unlock()
		return nil, errGone
	}
	s.lastID++
	r.Id = s.lastID
	s.asked[r.Id] = answer
	s.mu.Unlock()
	if err := s.send(&wire.PluginMessage{Kind: &wire.PluginMessage_Request{Request: r}}); err != nil {
		return nil, fmt.Errorf("%w: %w", errGone, err)
	}
	select {
	case a, ok := <-answer:
		switch {
		case !ok:
			return nil, errGone
		case a.GetError() != nil:
			return nil, errorOf(a.GetError())
		}
		return a.GetOutput(), nil
	case <-ctx.Done():
		s.mu.Lock()
		delete(s.asked, r.Id)
		s.mu.Unlock()
		return nil, context.Cause(ctx)
	}
}
