package actions

import (
	"context"
	"errors"
)

var errNoConversation = errors.New("this event belongs to no conversation: use send, with to_user or to_group")

// Reply sends a message to where the event came from.
var Reply = New(Spec{
	Name:              "reply",
	Doc:               "Sends a message to the conversation that the event belongs to.",
	Example:           "reply: 您好，有什么可以帮您？",
	Scalar:            "text",
	OneOf:             [][]string{contentNames},
	AtMostOne:         [][]string{{"mentions", "only_to"}},
	ActsOnChat:        true,
	NeedsConversation: true,
	Settle:            SettleAsk, // a second reply would be noticed, and the first can be looked for
}, func(ctx context.Context, call *Call, args outgoing) (sent, error) {
	if !call.Conversation.Valid() {
		return sent{}, errNoConversation
	}
	return args.send(ctx, call, call.Conversation)
})
