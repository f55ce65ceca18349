package actions

import (
	"context"
	"fmt"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// Every message that an action sends leaves through the functions of this file. It carries its effect's id, the same for
// all conversations that one step sends to: id and conversation name one delivery.

// Bounds of the search for a message whose outcome is not known.
const (
	askPage  = 20              // messages a page: what the service recommends
	askPages = 250             // pages; beyond them the search gives up
	askEarly = time.Minute     // by how much the service's clock may be behind
	askLate  = 2 * time.Minute // how long a message may stand in line after the window of a Repeater was looked at
)

// marked is a copy of msg that carries the effect's id. It is refused when it is too large, as the connection would,
// with the bytes that the custom data takes.
func (c *Call) marked(msg *sdkconn.Message) (*sdkconn.Message, error) {
	out := *msg
	out.CloudCustom = sdkconn.WithEffect(msg.CloudCustom, c.EffectID)
	text, custom := out.Elems.TextBytes(), len(out.CloudCustom)
	if text+custom > sdkconn.MaxMsgBytes {
		return nil, explain("message too large", sdkconn.Errorf("SendNewMsg", sdkconn.CodeMsgBodySizeLimit,
			"%d bytes, at most %d: %d are content, %d are custom_data with timbot's own mark, by which a message is sent once",
			text+custom, sdkconn.MaxMsgBytes, text, custom))
	}
	return &out, nil
}

// Marked is msg as it is sent: with the effect's id in it. Errors: *sdkconn.Error for a message that is too large.
func (c *Call) Marked(msg *sdkconn.Message) (*sdkconn.Message, error) { return c.marked(msg) }

// Settled looks for the message that an attempt of unknown outcome (Unsettled) sent to conv. It answers nil when msg may be
// sent: it is not there, or the connection itself knows a second send. An error wraps ErrUnsettled; with the advice to try
// again (RetryAfter) it may be told later.
func (c *Call) Settled(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	return c.delivered(ctx, conv, msg)
}

// deliver sends a marked message to one conversation, or finds the one that was sent before.
func (c *Call) deliver(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	before, err := c.delivered(ctx, conv, msg)
	if err != nil || before != nil {
		return before, err
	}
	sent, err := c.out().SendNewMsg(ctx, conv, msg)
	if err != nil {
		return nil, explain("send to "+conv.String(), err)
	}
	return sent, nil
}

// deliverToUsers sends a marked message to each of the users in a conversation of its own. See sdkconn.Conn.BatchSend.
// What was sent before is the caller's to ask.
func (c *Call) deliverToUsers(ctx context.Context, users []string, msg *sdkconn.Message) ([]sdkconn.BatchSendResult, error) {
	return c.out().BatchSend(ctx, users, msg)
}

// out is where messages leave.
func (c *Call) out() Outgoing {
	if c.Out != nil {
		return c.Out
	}
	return c.Conn
}

// delivered is the message that an attempt of unknown outcome sent to conv; nil when it may be sent: nothing is unknown,
// it is not there, or the connection itself knows a second send. An error wraps ErrUnsettled; with the advice to try
// again (RetryAfter) it may be told later.
func (c *Call) delivered(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	if c.Unsettled.IsZero() {
		return nil, nil
	}
	if c.EffectID == "" {
		return nil, fmt.Errorf("%s: %w: the effect has no id", conv, ErrUnsettled)
	}
	if msg.IsOnlineMsg {
		return nil, fmt.Errorf("%s: %w: it was for those online then, and is stored nowhere", conv, ErrUnsettled)
	}
	if r, ok := c.Conn.(sdkconn.Repeater); ok {
		window := r.RepeatWindow(conv)
		if window < 0 || c.Clock.Since(c.Unsettled)+min(askLate, window/2) < window {
			return nil, nil
		}
	}
	forgets, known := c.forgets(ctx, conv)
	if forgets {
		return nil, fmt.Errorf("%s: %w: a live group keeps no history", conv, ErrUnsettled)
	}
	return c.search(ctx, conv, known)
}

// forgets reports whether conv keeps no history, as far as the connection can tell.
func (c *Call) forgets(ctx context.Context, conv sdkconn.Conversation) (forgets, known bool) {
	if conv.Type != sdkconn.ConvGroup {
		return false, true
	}
	groups, ok := c.Conn.(sdkconn.Groups)
	if !ok {
		return false, false
	}
	infos, err := groups.GroupGetGroupInfoList(ctx, []string{conv.ID})
	for i := range infos {
		if err == nil && infos[i].GroupID == conv.ID {
			return infos[i].GroupType == sdkconn.GroupAVChatRoom, true
		}
	}
	return false, false
}

// search looks through the history of conv, newest first, back to the first attempt. kept says that conv is known to
// keep one.
func (c *Call) search(ctx context.Context, conv sdkconn.Conversation, kept bool) (*sdkconn.Message, error) {
	since := c.Unsettled.Add(-askEarly).Unix()
	param := sdkconn.GetMsgListParam{Count: askPage, IsRamble: true}
	for range askPages {
		page, err := c.Conn.GetMsgList(ctx, conv, param)
		if err != nil {
			err = explain("look for the message in "+conv.String(), fmt.Errorf("%w: %w", ErrUnsettled, err))
			return nil, Retry(err, 0)
		}
		for _, m := range page {
			if id, _ := sdkconn.SplitEffect(m.CloudCustom); id != c.EffectID || !m.IsFromSelf && m.Sender != c.Conn.Self() {
				continue
			}
			switch m.Status {
			case sdkconn.StatusSending:
				return nil, Retry(fmt.Errorf("%s: %w: it is still on its way", conv, ErrUnsettled), 0)
			case sdkconn.StatusSendFail, sdkconn.StatusCancel:
				continue // this copy never left
			}
			return m, nil
		}
		if len(page) == 0 && param.LastMsg == nil && !kept { // nothing was ever said, or nothing is kept
			return nil, fmt.Errorf("%s: %w: there is no history of it", conv, ErrUnsettled)
		}
		if len(page) == 0 || int64(page[len(page)-1].Time()) < since {
			return nil, nil
		}
		param.LastMsg = page[len(page)-1]
	}
	return nil, fmt.Errorf("%s: %w: more than %d messages came since", conv, ErrUnsettled, askPage*askPages)
}

// withoutEffects returns copies without the ids of the effects that sent the messages: a copy is another message.
func withoutEffects(msgs []*sdkconn.Message) []*sdkconn.Message {
	out := make([]*sdkconn.Message, len(msgs))
	for i, m := range msgs {
		out[i] = m
		if id, rest := sdkconn.SplitEffect(m.CloudCustom); id != "" {
			bare := *m
			bare.CloudCustom = rest
			out[i] = &bare
		}
	}
	return out
}

// sent is what a step knows of a message it sent.
type sent struct {
	Msg          *sdkconn.Message `arg:"msg" doc:"The message as the service accepted it; revoke, delete and history take it."`
	MsgID        string           `arg:"msg_id" doc:"Its id."`
	Locator      sdkconn.Locator  `arg:"locator" doc:"Its identity, for revoke and find; small enough to keep in state."`
	Conversation string           `arg:"conversation" doc:"Where it went: c2c_USER or group_ID."`
	Text         string           `arg:"text,text" doc:"Its text."`
}

// send makes the message and sends it to conv.
func (o outgoing) send(ctx context.Context, call *Call, conv sdkconn.Conversation) (sent, error) {
	msg, err := o.message(call)
	if err != nil {
		return sent{}, err
	}
	if msg, err = call.marked(msg); err != nil {
		return sent{}, err
	}
	got, err := call.deliver(ctx, conv, msg)
	if err != nil {
		return sent{}, err
	}
	return sent{
		Msg: got, MsgID: got.MsgID, Locator: got.Locator(), Conversation: conv.String(), Text: got.Text(),
	}, nil
}
