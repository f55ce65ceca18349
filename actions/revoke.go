package actions

import (
	"context"
	"errors"

	"github.com/timbot-go/timbot/sdkconn"
)

type revokeIn struct {
	Msg     *sdkconn.Message `arg:"msg" doc:"The message to take back, for instance one that a step sent; the event's unless given."`
	Locator *sdkconn.Locator `arg:"locator" doc:"The identity of the message to take back."`
	Answers bool             `arg:"answers" doc:"All that the bot sent in the last day because of the message that the event is about, for instance when that was revoked."`
	in      `arg:",squash"`
}

type revokeOut struct {
	Msg *sdkconn.Message `arg:"msg" doc:"The message as it was before."`
}

// Revoke takes a message back.
var Revoke = New(Spec{
	Name: "revoke",
	Doc: "Takes a message back on all sides: the event's, one that a step sent, or one found by its locator. " +
		"The bot can revoke its own messages, and in a group where it is owner or administrator those of others, " +
		"for 120 seconds unless the console says otherwise. " +
		"A message that was taken back before is no failure. With answers, what rules sent because of the event's message is " +
		"taken back: the bot notes that while a rule has such a step.",
	Example:           "revoke: {}",
	Scalar:            "msg",
	AtMostOne:         [][]string{{"msg", "locator", "answers"}, append([]string{"answers"}, inNames...)},
	ActsOnChat:        true,
	NeedsConversation: true,
	Targets:           append([]string{"msg", "locator"}, inNames...),
	Settle:            SettleRepeat, // a message that was revoked already is no failure
}, func(ctx context.Context, call *Call, args revokeIn) (revokeOut, error) {
	if args.Answers {
		return revokeOut{}, revokeAnswers(ctx, call)
	}
	msg := args.Msg
	if args.Locator != nil {
		located := args.Locator.Message()
		conv, err := args.conversation(call, located)
		if err != nil {
			return revokeOut{}, err
		}
		if msg, err = locate(ctx, call, conv, *args.Locator); err != nil {
			return revokeOut{}, err
		}
		return revoke(ctx, call, conv, msg)
	}
	if msg == nil && args.given() {
		return revokeOut{}, inputErrorf("msg", "is missing: give msg or locator, to say which message of that conversation")
	}
	if msg == nil {
		msg = call.message()
	}
	if msg == nil {
		return revokeOut{}, inputErrorf("msg", "is missing: this event is about no message, so give msg or locator")
	}
	conv, err := args.conversation(call, msg)
	if err != nil {
		return revokeOut{}, err
	}
	return revoke(ctx, call, conv, msg)
})

func revoke(ctx context.Context, call *Call, conv sdkconn.Conversation, msg *sdkconn.Message) (revokeOut, error) {
	if msg.Status == sdkconn.StatusRevoked {
		return revokeOut{Msg: msg}, nil
	}
	err := call.Conn.Revoke(ctx, conv, msg)
	if err == nil {
		return revokeOut{Msg: msg}, nil
	}
	// Somebody else, or this very step before a crash, may have been faster. Services answer that with different codes, or
	// with success.
	found, findErr := call.Conn.FindByMsgLocatorList(ctx, conv, []sdkconn.Locator{msg.Locator()})
	if findErr == nil && len(found) == 1 && found[0].Status == sdkconn.StatusRevoked {
		return revokeOut{Msg: msg}, nil
	}
	return revokeOut{Msg: msg}, explain("revoke in "+conv.String(), err)
}

// locate returns the message that the locator names.
func locate(ctx context.Context, call *Call, conv sdkconn.Conversation, l sdkconn.Locator) (*sdkconn.Message, error) {
	found, err := call.Conn.FindByMsgLocatorList(ctx, conv, []sdkconn.Locator{l})
	if err != nil {
		return nil, explain("find in "+conv.String(), err)
	}
	if len(found) == 0 {
		return nil, inputErrorf("locator", "there is no such message in %s: time, seq, rand and is_self must all be those of the message", conv)
	}
	return found[0], nil
}

// revokeAnswers takes back what the bot sent because of the event's message: all that it can, whatever fails.
func revokeAnswers(ctx context.Context, call *Call) error {
	msg := call.message()
	if msg == nil {
		return inputErrorf("answers", "this event is about no message")
	}
	if call.Answers == nil {
		return inputErrorf("answers", "this bot does not note what it answers")
	}
	answers, err := call.Answers(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, a := range answers {
		_, err := revoke(ctx, call, a.Conversation(), a)
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}
