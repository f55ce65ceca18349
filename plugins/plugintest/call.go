package plugintest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/status"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/plugins/host"
	"github.com/timbot-go/timbot/plugins/wire"
	"github.com/timbot-go/timbot/rules"
)

// call is a call that may still run.
type call struct {
	id     uint64
	action *rules.PluginAction
	done   chan outcome
}

// outcome is what came of a call.
type outcome struct {
	reply   *wire.CallReply
	err     error // a status of gRPC
	endless bool  // it was not answered, not even after Cancel
}

// made is how a call is made.
type made struct {
	action  string        // in place of the action's name
	timeout time.Duration // in place of the action's
	cancel  time.Duration // when it is cancelled, whatever its time; 0: when that is over
	effect  string
	again   bool
}

// begin makes a call.
func (p *process) begin(a *rules.PluginAction, input []byte, m made) *call {
	p.mu.Lock()
	p.lastID++
	c := &call{id: p.lastID, action: a, done: make(chan outcome, 1)}
	p.calls[c.id] = c
	p.mu.Unlock()
	req := &wire.CallRequest{
		Id: c.id, Action: a.Name, Input: input, EffectId: m.effect, Again: m.again, TimeoutMs: uint32(m.time(a).Milliseconds()),
		Origin: &wire.Origin{Rule: "test", Step: "do[0]", Conversation: "c2c_alice", User: "alice"},
	}
	if m.action != "" {
		req.Action = m.action
	}
	if m.effect == "" {
		req.EffectId = fmt.Sprintf("test/%d", c.id)
	}
	go func() { // ends with the process's context
		var reply *wire.CallReply
		var err error
		if p.caller != nil {
			reply, err = p.caller.Call(req)
		} else {
			reply, err = p.client.Call(p.ctx, req)
		}
		p.mu.Lock()
		delete(p.calls, c.id)
		p.mu.Unlock()
		c.done <- outcome{reply: reply, err: err}
	}()
	return c
}

func (m made) time(a *rules.PluginAction) time.Duration {
	if m.timeout > 0 {
		return m.timeout
	}
	return a.Timeout
}

// do makes a call and waits for what comes of it, as a bot does.
func (p *process) do(a *rules.PluginAction, input []byte, m made) outcome {
	c := p.begin(a, input, m)
	limit := m.time(a)
	if m.cancel > 0 {
		limit = m.cancel
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case o := <-c.done:
		return o
	case <-timer.C:
	}
	p.send(&wire.HostMessage{Kind: &wire.HostMessage_Cancel{Cancel: &wire.Cancel{Call: c.id}}})
	timer.Reset(p.t.options.CancelGrace)
	select {
	case o := <-c.done:
		return o
	case <-timer.C:
		return outcome{endless: true}
	}
}

var codeForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,49}$`)

// judge tells what is wrong with an outcome, and reports whether the process can still be used.
func (p *process) judge(check, what string, a *rules.PluginAction, o outcome) bool {
	t := p.t
	switch {
	case o.endless:
		t.found(check, "%s: %s did not end within %s of Cancel: a bot kills the plugin then", what, a.Name, t.options.CancelGrace)
		return false
	case o.err != nil:
		p.settle(o.err)
		if !p.alive() {
			t.found(check, "%s: it ended in the middle of %s: %s", what, a.Name, p.end())
			return false
		}
		if p.caller != nil {
			t.found(check, "%s: the stream Calls ended in the middle of %s (%s): it lasts as long as the session", what, a.Name, short(o.err.Error()))
			p.cancel()
			<-p.over
			return false
		}
		s := status.Convert(o.err)
		t.found(check, "%s: %s was answered with the status %s (%s): what goes wrong belongs into the reply's error", what, a.Name,
			s.Code(), short(s.Message()))
		return true
	}
	switch r := o.reply.GetResult().(type) {
	case *wire.CallReply_Error:
		switch code := r.Error.GetCode(); {
		case code != "" && !codeForm.MatchString(code):
			t.found(check, "%s: the error of %s has the code %q: use lower_snake_case, 50 characters at most", what, a.Name, short(code))
		case r.Error.GetText() == "":
			t.found(check, "%s: the error %s of %s has no text for people", what, code, a.Name)
		}
	case *wire.CallReply_Output:
		if err := host.CheckOutput(t.actions[a.Name], r.Output); err != nil {
			t.found(check, "%s: what %s answered is not what plugin.yaml says: %s", what, a.Name, short(err.Error()))
		}
	default:
		t.found(check, "%s: %s was answered with neither output nor error", what, a.Name)
	}
	return true
}

// asked answers a request of the plugin, and tells what is wrong with it.
func (p *process) asked(r *wire.Request) {
	t := p.t
	id := r.GetId()
	p.mu.Lock()
	twice := p.open[id]
	p.open[id] = true
	of := p.calls[r.GetCall()]
	never := r.GetCall() > p.lastID
	p.mu.Unlock()
	found := func(format string, args ...any) { t.found("calls-back", format, args...) }
	switch {
	case id == 0:
		found("a Request has the id 0: the first is 1")
	case twice:
		found("a Request has the id %d, and the one before with that id was not answered yet", id)
	case never:
		found("a Request says that it is for call %d, which was never made", r.GetCall())
	}
	answer := &wire.Answer{Id: id}
	output, err := t.bot.answer(r, of, found)
	if err == nil && r.GetCall() != 0 && of == nil {
		err = &wire.Error{Code: "no_call", Text: "the call is over", Final: true}
	}
	if err != nil {
		answer.Result = &wire.Answer_Error{Error: err}
	} else {
		answer.Result = &wire.Answer_Output{Output: output}
	}
	p.mu.Lock()
	delete(p.open, id)
	p.mu.Unlock()
	p.send(&wire.HostMessage{Kind: &wire.HostMessage_Answer{Answer: answer}})
}

// fakeBot is the bot that a plugin asks.
type fakeBot struct {
	asks    rules.PluginRights
	actions *actions.Registry
	mu      sync.Mutex
	refuses bool
	state   map[string][]byte
}

func newFakeBot(asks rules.PluginRights) *fakeBot {
	return &fakeBot{asks: asks, actions: actions.NewRegistry(actions.Builtin()...), state: make(map[string][]byte)}
}

func (b *fakeBot) refuse(yes bool) {
	b.mu.Lock()
	b.refuses = yes
	b.mu.Unlock()
}

const (
	maxKey   = 200
	maxValue = 64 << 10
)

// answer does what a bot does that grants all that plugin.yaml asks for, unless it refuses everything.
func (b *fakeBot) answer(r *wire.Request, of *call, found func(string, ...any)) ([]byte, *wire.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	forbidden := &wire.Error{Code: "forbidden", Text: "this is not granted", Final: true}
	ok := !b.refuses
	value := func(what string, data []byte) {
		switch {
		case len(data) > maxValue:
			found("%s has %d bytes: at most %d are taken", what, len(data), maxValue)
		case len(data) > 0 && !json.Valid(data):
			found("%s is no JSON: %q", what, short(string(data)))
		}
	}
	key := func(k string) {
		switch {
		case !b.asks.State:
			found("it keeps state, and plugin.yaml does not ask for it: rights: {state: true}")
			ok = false
		case k == "" || len(k) > maxKey:
			found("a key of its state has %d bytes: want 1 to %d", len(k), maxKey)
		}
	}
	out := []byte("null")
	switch k := r.GetKind().(type) {
	case *wire.Request_Do:
		if !b.do(k.Do, of, found) {
			ok = false
		}
		out = []byte("{}")
	case *wire.Request_GetState:
		key(k.GetState.GetKey())
		if v := b.state[k.GetState.GetKey()]; ok && len(v) > 0 {
			out = v
		}
	case *wire.Request_SetState:
		key(k.SetState.GetKey())
		value("the value of "+k.SetState.GetKey(), k.SetState.GetValue())
		if ok {
			b.state[k.SetState.GetKey()] = k.SetState.GetValue()
		}
	case *wire.Request_Signal:
		if !slices.Contains(b.asks.Signals, k.Signal.GetName()) {
			found("it raises the signal %q, and plugin.yaml does not ask for it: rights: {signals: [...]}", k.Signal.GetName())
			ok = false
		}
		value("the data of signal "+k.Signal.GetName(), k.Signal.GetData())
	default:
		found("a Request asks for nothing: it has no kind that this timbot knows")
		return nil, &wire.Error{Code: "unknown", Text: "this timbot does not know the request", Final: true}
	}
	if !ok {
		return nil, forbidden
	}
	return out, nil
}

// do reports whether a bot would do it.
func (b *fakeBot) do(d *wire.Do, of *call, found func(string, ...any)) bool {
	name := d.GetAction()
	if !slices.Contains(b.asks.Actions, name) {
		found("it has the bot do %q, and plugin.yaml does not ask for it: rights: {actions: [...]}", name)
		return false
	}
	a, known := b.actions.Lookup(name)
	if !known {
		return false
	}
	spec := a.Spec()
	if of != nil && spec.ActsOnChat && !of.action.ActsOnChat {
		found("%s has the bot do %s, which others may notice, and plugin.yaml does not say acts_on_chat of it", of.action.Name, name)
		return false
	}
	var input map[string]any
	if err := json.Unmarshal(d.GetInput(), &input); err != nil || input == nil {
		found("the input of %s is no JSON object: %q", name, short(string(d.GetInput())))
		return false
	}
	known = true
	for given := range input {
		ok := false
		for _, in := range spec.Inputs {
			ok = ok || in.Name == given
		}
		if !ok {
			found("%s of the bot has no input %q: see timbot actions %s", name, given, name)
			known = false
		}
	}
	return known
}
