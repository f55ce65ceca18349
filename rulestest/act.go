package rulestest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// Notice is the name of what the bot tells people by itself: a request for approval, a report to the ops group, the notice
// of a handoff. It need not be expected.
const Notice = "notice"

// Act is one thing that the bot did to the chat, or tried to.
type Act struct {
	Action string         // the name of the action, or Notice
	Rule   string         // whose step it was; empty for none
	Step   string         // the step's id, or its path
	Fields map[string]any // what expectations can ask for
	Err    string         // why it failed; empty when it did not
	At     time.Time
}

// message stands for a message among an act's fields.
type message struct{ id string }

// recorder notes what the bot does. Its methods may be called from many goroutines at once.
type recorder struct {
	mu      sync.Mutex
	acts    []*Act
	quiet   []*Act          // what nobody else notices: since the last step began
	current *Act            // of the action that runs; one worker runs one
	used    map[*mock]int   // how often each mock answered
	missing map[string]bool // actions that had no answer
}

// take returns what was noted since the last call.
func (r *recorder) take() []*Act {
	r.mu.Lock()
	defer r.mu.Unlock()
	acts := r.acts
	r.acts = nil
	return acts
}

// takeQuiet is take for what nobody else notices.
func (r *recorder) takeQuiet() []*Act {
	r.mu.Lock()
	defer r.mu.Unlock()
	acts := r.quiet
	r.quiet = nil
	return acts
}

// seen is the bot's connection: what is done through it is noted.
type seen struct {
	*local.Conn
	world *world
}

var (
	_ sdkconn.Conn          = (*seen)(nil)
	_ sdkconn.Idler         = (*seen)(nil)
	_ sdkconn.Groups        = (*seen)(nil)
	_ sdkconn.Conversations = (*seen)(nil)
	_ sdkconn.Repeater      = (*seen)(nil)
)

// SendNewMsg implements sdkconn.Conn.
func (s *seen) SendNewMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	sent, err := s.Conn.SendNewMsg(ctx, conv, msg)
	s.world.rec.sent(s.world, conv, msg, sent, err)
	return sent, err
}

// Revoke implements sdkconn.Conn.
func (s *seen) Revoke(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	err := s.Conn.Revoke(ctx, conv, msg)
	r := &s.world.rec
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != nil {
		r.current.Fields["msg"] = message{rules.MessageID(msg)}
		r.current.Fields["in"] = placeOf(conv)
	}
	return err
}

// GroupModifyMemberInfo implements sdkconn.Groups.
func (s *seen) GroupModifyMemberInfo(ctx context.Context, p sdkconn.GroupMemberModifyParam) error {
	s.world.rec.about(p.GroupID, p.User)
	return s.Conn.GroupModifyMemberInfo(ctx, p)
}

// GroupDeleteMember implements sdkconn.Groups.
func (s *seen) GroupDeleteMember(ctx context.Context, group string, users []string, reason string) ([]sdkconn.GroupMemberResult, error) {
	if len(users) == 1 {
		s.world.rec.about(group, users[0])
	}
	return s.Conn.GroupDeleteMember(ctx, group, users, reason)
}

// ReportReaded implements sdkconn.Conn.
func (s *seen) ReportReaded(ctx context.Context, conv sdkconn.Conversation, upTo *sdkconn.Message) error {
	r := &s.world.rec
	r.mu.Lock()
	if r.current != nil {
		r.current.Fields["in"] = placeOf(conv)
	}
	r.mu.Unlock()
	return s.Conn.ReportReaded(ctx, conv, upTo)
}

func (r *recorder) about(group, user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != nil {
		r.current.Fields["in"], r.current.Fields["user"] = group, user
	}
}

// sent notes a message. One that no action sends is a notice.
func (r *recorder) sent(w *world, conv sdkconn.Conversation, msg, sent *sdkconn.Message, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	act := r.current
	if act == nil {
		act = &Act{Action: Notice, Fields: make(map[string]any), At: w.clock.Now()}
		if err != nil {
			act.Err = err.Error()
		}
		r.acts = append(r.acts, act)
	}
	act.Fields["in"], act.Fields["text"] = placeOf(conv), msg.Text()
	switch conv.Type {
	case sdkconn.ConvC2C:
		act.Fields["to_user"] = conv.ID
	case sdkconn.ConvGroup:
		act.Fields["to_group"] = conv.ID
	}
	if sent != nil {
		act.Fields["msg"] = message{rules.MessageID(sent)}
	}
}

// placeOf is a conversation as tests name it: a group's id, or c2c_USER.
func placeOf(c sdkconn.Conversation) string {
	if c.Type == sdkconn.ConvGroup {
		return c.ID
	}
	return c.String()
}

// watched returns a registry whose actions note what they do in the world of their call, and answer as its mocks say.
func watched(registry *actions.Registry) *actions.Registry {
	out := new(actions.Registry)
	for _, name := range registry.Names() {
		a, ok := registry.Lookup(name)
		if !ok {
			continue
		}
		if err := out.Register(&watchedAction{a, a.Spec()}); err != nil {
			panic("rulestest: " + err.Error()) // it was registered before
		}
	}
	return out
}

type watchedAction struct {
	actions.Action
	spec actions.Spec
}

// outside reports whether the action asks the world outside, which a test never does.
func (a *watchedAction) outside() bool {
	return a.spec.Name == "http" || strings.Contains(a.spec.Name, ".")
}

// noticeSteps are how the paths of steps end that the bot says by itself.
var noticeSteps = []string{".notice", ".request", ".told"}

// Run implements actions.Action.
func (a *watchedAction) Run(ctx context.Context, call *actions.Call, args map[string]any) (actions.Result, error) {
	conn, ok := call.Conn.(*seen)
	if !ok {
		return a.Action.Run(ctx, call, args)
	}
	w := conn.world
	act := &Act{Action: a.spec.Name, Rule: call.Rule, Step: call.Step, Fields: make(map[string]any), At: w.clock.Now()}
	if slices.ContainsFunc(noticeSteps, func(end string) bool { return strings.HasSuffix(call.Step, end) }) {
		act.Action = Notice
	}
	for name, v := range args {
		act.Fields[name] = field(v)
	}
	if call.Conversation.Valid() {
		act.Fields["in"] = placeOf(call.Conversation)
	}
	if _, given := act.Fields["user"]; !given && call.User != "" {
		act.Fields["user"] = call.User
	}
	result, err := a.answer(ctx, w, act, call, args)
	if errors.Is(err, actions.ErrLater) {
		return result, err
	}
	for name, v := range result.Values() {
		if v = field(v); v != nil {
			act.Fields[name] = v
		}
	}
	if err != nil {
		act.Err = err.Error()
		act.Fields["error"] = err.Error()
		act.Fields["code"] = codeOf(err)
	}
	w.rec.mu.Lock()
	defer w.rec.mu.Unlock()
	if a.spec.ActsOnChat {
		w.rec.acts = append(w.rec.acts, act)
	} else {
		w.rec.quiet = append(w.rec.quiet, act)
	}
	return result, err
}

// answer does what the test's mocks say, or else the action.
func (a *watchedAction) answer(ctx context.Context, w *world, act *Act, call *actions.Call, args map[string]any) (actions.Result, error) {
	plain, _ := plainValue(args).(map[string]any)
	for _, m := range w.test.mocks {
		if m.action != a.spec.Name {
			continue
		}
		fits, err := m.fits(plain)
		if err != nil {
			return actions.Result{}, err
		}
		w.rec.mu.Lock()
		fits = fits && (m.times == 0 || w.rec.used[m] < m.times)
		if fits {
			w.rec.used[m]++
		}
		w.rec.mu.Unlock()
		if !fits {
			continue
		}
		if m.after > 0 {
			w.clock.pass(m.after)
		}
		if ctx.Err() != nil { // the step's time was over meanwhile
			return actions.Result{}, context.Cause(ctx)
		}
		if m.err != "" {
			return actions.Result{}, &mockError{m.err, m.code}
		}
		return actions.Answer(a.Action, m.out)
	}
	if a.outside() && !w.suite.inProcess[a.spec.Name] {
		w.rec.mu.Lock()
		w.rec.missing[a.spec.Name] = true
		w.rec.mu.Unlock()
		return actions.Result{}, &mockError{fmt.Sprintf("%s has no mock that answers this call", a.spec.Name), "no_mock"}
	}
	w.rec.mu.Lock()
	w.rec.current = act
	w.rec.mu.Unlock()
	result, err := a.Action.Run(ctx, call, args)
	w.rec.mu.Lock()
	w.rec.current = nil
	w.rec.mu.Unlock()
	return result, err
}

func codeOf(err error) string {
	var own interface{ ErrorCode() string }
	if code := sdkconn.CodeOf(err); code != 0 {
		return fmt.Sprint(int32(code))
	}
	if errors.As(err, &own) {
		return own.ErrorCode()
	}
	return ""
}

// field is a value as expectations see it.
func field(v any) any {
	switch v := v.(type) {
	case *sdkconn.Message:
		if v == nil {
			return nil
		}
		return message{rules.MessageID(v)}
	case sdkconn.Locator:
		return message{rules.MessageID(v.Message())}
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = field(x)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = field(x)
		}
		return out
	}
	return v
}

// plainValue is a value as expressions of a test see it.
func plainValue(v any) any {
	switch v := field(v).(type) {
	case message:
		return v.id
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = plainValue(x)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = plainValue(x)
		}
		return out
	case time.Duration, time.Time:
		return v
	default:
		return v
	}
}
