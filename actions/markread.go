package actions

import (
	"context"

	"github.com/timbot-go/timbot/sdkconn"
)

type markReadIn struct {
	UpTo *sdkconn.Message `arg:"up_to" doc:"The last message that is read; the event's unless given."`
	All  bool             `arg:"all" doc:"Everything in the conversation is read."`
	in   `arg:",squash"`
}

// MarkRead marks messages as read.
var MarkRead = New(Spec{
	Name: "mark_read",
	Doc: "Marks a conversation as read, up to the event's message or as far as up_to or all says. A user who wrote " +
		"to the bot sees that it was read. For another conversation than the event's, and for an event about no " +
		"message, everything is marked unless up_to is given.",
	Example:           "mark_read: {}",
	AtMostOne:         [][]string{{"up_to", "all"}, inNames},
	ActsOnChat:        true,
	NeedsConversation: true,
	Targets:           append([]string{"up_to"}, inNames...),
	Settle:            SettleRepeat, // read is read
}, func(ctx context.Context, call *Call, args markReadIn) (struct{}, error) {
	conv, err := args.conversation(call, args.UpTo)
	if err != nil {
		return struct{}{}, err
	}
	upTo := args.UpTo
	if upTo == nil && !args.All && !args.given() {
		upTo = call.message() // nil is everything
	}
	return struct{}{}, explain("mark "+conv.String()+" as read", call.Conn.ReportReaded(ctx, conv, upTo))
})
