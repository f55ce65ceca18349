package actions

import (
	"context"

	"github.com/timbot-go/timbot/sdkconn"
)

type findIn struct {
	Locators []sdkconn.Locator `arg:"locators,required" doc:"The messages' identities: each a locator, or {time, seq, rand, is_self}."`
	in       `arg:",squash"`
}

type findOut struct {
	Messages []*sdkconn.Message `arg:"messages" doc:"The messages found, in the order of the locators, revoked and deleted ones too. What is not found is left out."`
	Count    int                `arg:"count,value" doc:"How many there are."`
}

// Find looks messages up by their locators.
var Find = New(Spec{
	Name: "find",
	Doc: "Looks up messages of a conversation's local history by their locators. Time, seq, rand and is_self must " +
		"all be those of the message.",
	Example:           `find: {locators: ["${{ state.chat.notice }}"]}`,
	AtMostOne:         [][]string{inNames},
	NeedsConversation: true,
	Targets:           append([]string{"locators"}, inNames...), // which may know their conversation
	Settle:            SettleRepeat,                             // it only reads
}, func(ctx context.Context, call *Call, args findIn) (findOut, error) {
	if len(args.Locators) == 0 {
		return findOut{}, inputErrorf("locators", "is empty: give at least one locator")
	}
	conv, err := args.conversation(call, args.Locators[0].Message())
	if err != nil {
		return findOut{}, err
	}
	msgs, err := call.Conn.FindByMsgLocatorList(ctx, conv, args.Locators)
	if err != nil {
		return findOut{}, explain("find in "+conv.String(), err)
	}
	return findOut{Messages: msgs, Count: len(msgs)}, nil
})
