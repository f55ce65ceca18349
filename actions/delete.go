package actions

import (
	"context"

	"github.com/timbot-go/timbot/sdkconn"
)

type deleteIn struct {
	Msg *sdkconn.Message `arg:"msg" doc:"The message to delete; the event's unless given."`
	All bool             `arg:"all" doc:"All messages of the conversation."`
	in  `arg:",squash"`
}

// Delete hides messages in the bot's own view.
var Delete = New(Spec{
	Name: "delete",
	Doc: "Deletes a message, or with all a conversation's messages, from the bot's own local history. Nobody else " +
		"notices; to take a message back from everyone, use revoke.",
	Example:           "delete: {}",
	Scalar:            "msg",
	AtMostOne:         [][]string{{"msg", "all"}, inNames},
	NeedsConversation: true,
	Targets:           append([]string{"msg"}, inNames...),
	Settle:            SettleRepeat, // what is deleted stays deleted
}, func(ctx context.Context, call *Call, args deleteIn) (struct{}, error) {
	conv, err := args.conversation(call, args.Msg)
	if err != nil {
		return struct{}{}, err
	}
	msg := args.Msg
	if msg == nil && !args.All {
		if args.given() {
			return struct{}{}, inputErrorf("msg", "is missing: give msg, or all: true for the whole conversation")
		}
		if msg = call.message(); msg == nil {
			return struct{}{}, inputErrorf("msg", "is missing: this event is about no message, so give msg, or all: true")
		}
	}
	return struct{}{}, explain("delete in "+conv.String(), call.Conn.Delete(ctx, conv, msg))
})
