package actions

import (
	"context"

	"github.com/timbot-go/timbot/sdkconn"
)

// Every message that an action sends leaves through the two functions of this file, so that what each of them needs
// (its effect's id, say) is added in one place.

// deliver sends msg to one conversation.
func (c *Call) deliver(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	sent, err := c.out().SendNewMsg(ctx, conv, msg)
	if err != nil {
		return nil, explain("send to "+conv.String(), err)
	}
	return sent, nil
}

// deliverToUsers sends msg to each of the users in a conversation of its own. See sdkconn.Conn.BatchSend.
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
	got, err := call.deliver(ctx, conv, msg)
	if err != nil {
		return sent{}, err
	}
	return sent{
		Msg: got, MsgID: got.MsgID, Locator: got.Locator(), Conversation: conv.String(), Text: got.Text(),
	}, nil
}
