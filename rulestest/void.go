package rulestest

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// void is the connection of a replay: it hands over nothing, accepts everything and does nothing. What it knows of histories
// is what was told so far.
type void struct {
	self  string
	clock *Clock

	mu    sync.Mutex
	said  map[string][]*sdkconn.Message // by conversation, in the order of telling
	to    map[string]*sdkconn.Message   // by the event's key: messages that are not told yet
	twice map[string]uint64             // how often the same was sent in one second
}

var (
	_ sdkconn.Conn   = (*void)(nil)
	_ sdkconn.Groups = (*void)(nil)
)

func newVoid(self string, clock *Clock, list []*bot.Traffic) *void {
	v := &void{
		self: self, clock: clock, said: make(map[string][]*sdkconn.Message), to: make(map[string]*sdkconn.Message),
		twice: make(map[string]uint64),
	}
	for _, t := range list {
		if e, err := t.SDK(); err == nil && e != nil && e.Kind == sdkconn.EventNewMsg && e.Message != nil {
			v.to[t.Key] = e.Message
		}
	}
	return v
}

// heard puts the message of an event into its conversation's history.
func (v *void) heard(event string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if m := v.to[event]; m != nil {
		v.keep(m.Conversation(), m)
	}
}

func (v *void) keep(conv sdkconn.Conversation, m *sdkconn.Message) {
	v.said[conv.String()] = append(v.said[conv.String()], m)
}

// Self implements sdkconn.Conn.
func (v *void) Self() string { return v.self }

// SendNewMsg implements sdkconn.Conn. The same message at the same time has the same identity in every replay, whatever was
// sent before it.
func (v *void) SendNewMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := uint64(v.clock.Now().Unix())
	_, custom := sdkconn.SplitEffect(msg.CloudCustom)
	what := fmt.Sprintf("%d %s %s %s", now, conv, custom, msg.Text())
	v.twice[what]++
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", what, v.twice[what])
	sent := *msg
	sent.ConvID, sent.ConvType, sent.Sender, sent.IsFromSelf, sent.Status = conv.ID, conv.Type, v.self, true, sdkconn.StatusSendSucc
	sent.ClientTime, sent.ServerTime, sent.Rand, sent.Seq = now, now, h.Sum64()&(1<<32-1), 1<<31|h.Sum64()>>33
	sent.MsgID = fmt.Sprintf("%s-%d-%d", v.self, now, sent.Rand)
	v.keep(conv, &sent)
	if act, ok := ctx.Value(actKey{}).(*Act); ok {
		act.Fields["in"], act.Fields["text"] = placeOf(conv), msg.Text()
	}
	out := sent
	return &out, nil
}

// BatchSend implements sdkconn.Conn.
func (v *void) BatchSend(ctx context.Context, users []string, msg *sdkconn.Message) ([]sdkconn.BatchSendResult, error) {
	var out []sdkconn.BatchSendResult
	for _, user := range users {
		sent, err := v.SendNewMsg(ctx, sdkconn.C2C(user), msg)
		if err != nil {
			return out, err
		}
		out = append(out, sdkconn.BatchSendResult{User: user, Msg: sent})
	}
	return out, nil
}

// Revoke implements sdkconn.Conn.
func (v *void) Revoke(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	if act, ok := ctx.Value(actKey{}).(*Act); ok {
		act.Fields["in"], act.Fields["msg"] = placeOf(conv), message{rules.MessageID(msg)}
	}
	return nil
}

// GetMsgList implements sdkconn.Conn.
func (v *void) GetMsgList(
	_ context.Context, conv sdkconn.Conversation, p sdkconn.GetMsgListParam,
) ([]*sdkconn.Message, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	list := slices.Clone(v.said[conv.String()])
	at := len(list)
	if p.LastMsg != nil {
		at = slices.IndexFunc(list, func(m *sdkconn.Message) bool { return same(m, p.LastMsg.Locator()) })
	}
	switch {
	case at < 0, p.IsForward && p.LastMsg == nil:
		return nil, nil
	case p.IsForward:
		list = list[at+1:]
	default:
		list = list[:at]
		slices.Reverse(list)
	}
	return list[:min(len(list), int(p.Count))], nil
}

func same(m *sdkconn.Message, l sdkconn.Locator) bool {
	have := m.Locator()
	return have.Rand == l.Rand && have.Seq == l.Seq && have.Time == l.Time && have.IsSelf == l.IsSelf
}

// FindByMsgLocatorList implements sdkconn.Conn.
func (v *void) FindByMsgLocatorList(
	_ context.Context, conv sdkconn.Conversation, list []sdkconn.Locator,
) ([]*sdkconn.Message, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []*sdkconn.Message
	for _, l := range list {
		i := slices.IndexFunc(v.said[conv.String()], func(m *sdkconn.Message) bool { return same(m, l) })
		if i >= 0 && !slices.Contains(out, v.said[conv.String()][i]) {
			out = append(out, v.said[conv.String()][i])
		}
	}
	return out, nil
}

// DownloadElemToPath implements sdkconn.Conn. A replay does not download: this is for nobody.
func (v *void) DownloadElemToPath(context.Context, sdkconn.DownloadElemParam, string, func(current, total uint64)) error {
	return &sdkconn.Error{Op: "DownloadElemToPath", Code: sdkconn.CodeFileTransDownloadFailed, Desc: "a replay downloads nothing"}
}

// Subscribe implements sdkconn.Conn.
func (v *void) Subscribe(ctx context.Context, _ sdkconn.Handler) error {
	<-ctx.Done()
	return nil
}

// The rest of sdkconn.Conn is done by doing nothing.
func (v *void) ReportReaded(context.Context, sdkconn.Conversation, *sdkconn.Message) error {
	return nil
}
func (v *void) ImportMsgList(context.Context, sdkconn.Conversation, []*sdkconn.Message) error {
	return nil
}
func (v *void) SaveMsg(context.Context, sdkconn.Conversation, *sdkconn.Message) error { return nil }
func (v *void) Delete(context.Context, sdkconn.Conversation, *sdkconn.Message) error  { return nil }
func (v *void) Close() error                                                          { return nil }

// GroupCreate implements sdkconn.Groups.
func (v *void) GroupCreate(_ context.Context, p sdkconn.GroupCreateParam) (string, error) {
	return p.GroupID, nil
}

// GroupInviteMember implements sdkconn.Groups.
func (v *void) GroupInviteMember(_ context.Context, _ string, users []string) ([]sdkconn.GroupMemberResult, error) {
	return agreed(users), nil
}

// GroupDeleteMember implements sdkconn.Groups.
func (v *void) GroupDeleteMember(_ context.Context, _ string, users []string, _ string) ([]sdkconn.GroupMemberResult, error) {
	return agreed(users), nil
}

func agreed(users []string) []sdkconn.GroupMemberResult {
	var out []sdkconn.GroupMemberResult
	for _, user := range users {
		out = append(out, sdkconn.GroupMemberResult{User: user, Result: sdkconn.MemberResultSuccess})
	}
	return out
}

// The rest of sdkconn.Groups is done by doing nothing, and nothing is known.
func (v *void) GroupDelete(context.Context, string) error       { return nil }
func (v *void) GroupJoin(context.Context, string, string) error { return nil }
func (v *void) GroupQuit(context.Context, string) error         { return nil }
func (v *void) GroupModifyMemberInfo(context.Context, sdkconn.GroupMemberModifyParam) error {
	return nil
}
func (v *void) GroupGetMemberInfoList(context.Context, string) ([]sdkconn.GroupMemberInfo, error) {
	return nil, nil
}
func (v *void) GroupGetGroupInfoList(context.Context, []string) ([]sdkconn.GroupInfo, error) {
	return nil, nil
}
func (v *void) GroupGetJoinedGroupList(context.Context) ([]sdkconn.GroupInfo, error) { return nil, nil }
