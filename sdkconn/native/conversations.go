package native

import (
	"context"

	"github.com/timbot-go/timbot/sdkconn"
)

// ConvGetConvList implements [sdkconn.Conversations].
func (c *Conn) ConvGetConvList(ctx context.Context) ([]sdkconn.ConvInfo, error) {
	const op = "ConvGetConvList"
	data, err := c.do(ctx, op, "TIMConvGetConvList")
	if err != nil || len(data) == 0 {
		return nil, err
	}
	var list []sdkconn.ConvInfo
	return list, read(op, data, &list)
}

// ConvPinConversation implements [sdkconn.ConvEditor].
func (c *Conn) ConvPinConversation(ctx context.Context, conv sdkconn.Conversation, pinned bool) error {
	const op = "ConvPinConversation"
	if err := checkConv(op, conv); err != nil {
		return err
	}
	yes := uint64(0)
	if pinned {
		yes = 1
	}
	_, err := c.do(ctx, op, "TIMConvPinConversation", convArgs(conv, yes)...)
	return err
}

// ConvDelete implements [sdkconn.ConvEditor].
func (c *Conn) ConvDelete(ctx context.Context, conv sdkconn.Conversation) error {
	const op = "ConvDelete"
	if err := checkConv(op, conv); err != nil {
		return err
	}
	_, err := c.do(ctx, op, "TIMConvDelete", convArgs(conv)...)
	return err
}

// ConvGetTotalUnreadMessageCount implements [sdkconn.ConvEditor].
func (c *Conn) ConvGetTotalUnreadMessageCount(ctx context.Context) (uint64, error) {
	const op = "ConvGetTotalUnreadMessageCount"
	data, err := c.do(ctx, op, "TIMConvGetTotalUnreadMessageCount")
	if err != nil {
		return 0, err
	}
	var result struct {
		N uint64 `json:"conv_get_total_unread_message_count_result_unread_count"`
	}
	return result.N, read(op, data, &result)
}

// MsgSetC2CReceiveMessageOpt implements [sdkconn.ReceiveOpts].
func (c *Conn) MsgSetC2CReceiveMessageOpt(ctx context.Context, users []string, opt sdkconn.ReceiveOpt) error {
	const op = "MsgSetC2CReceiveMessageOpt"
	text, err := marshal(op, users)
	if err != nil {
		return err
	}
	_, err = c.do(ctx, op, "TIMMsgSetC2CReceiveMessageOpt", text, uint64(opt))
	return err
}

// MsgSetGroupReceiveMessageOpt implements [sdkconn.ReceiveOpts].
func (c *Conn) MsgSetGroupReceiveMessageOpt(ctx context.Context, group string, opt sdkconn.ReceiveOpt) error {
	const op = "MsgSetGroupReceiveMessageOpt"
	if err := checkGroup(op, group); err != nil {
		return err
	}
	_, err := c.do(ctx, op, "TIMMsgSetGroupReceiveMessageOpt", group, uint64(opt))
	return err
}
