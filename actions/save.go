package actions

import (
	"context"

	"github.com/timbot-go/timbot/sdkconn"
)

type saveIn struct {
	content    `arg:",squash"`
	Copy       *sdkconn.Message `arg:"copy" doc:"A message whose sender and content are put down."`
	From       *string          `arg:"from" doc:"Who seems to have written it; the bot unless given."`
	CustomData string           `arg:"custom_data" doc:"Data of the app's own that is kept with the message (cloud custom data)."`
	in         `arg:",squash"`
}

type saveOut struct {
	Text string `arg:"text,text" doc:"The text that was saved."`
}

// Save puts a message into the local history.
var Save = New(Spec{
	Name: "save",
	Doc: "Puts a message into a conversation's local history, with the present time. Nothing is sent and nobody " +
		"else sees it; history and find do.",
	Example:           "save: {text: 已转人工, from: system}",
	Scalar:            "text",
	OneOf:             [][]string{{"text", "elements", "copy"}},
	AtMostOne:         [][]string{inNames, {"copy", "from"}},
	NeedsConversation: true,
	Targets:           inNames,
	Settle:            SettleReport, // every save is a new message, and nothing tells a lost one from a second one
}, func(ctx context.Context, call *Call, args saveIn) (saveOut, error) {
	conv, err := args.conversation(call)
	if err != nil {
		return saveOut{}, err
	}
	msg := &sdkconn.Message{Sender: call.Conn.Self(), CloudCustom: args.CustomData}
	if args.Copy != nil {
		if len(args.Copy.Elems) == 0 {
			return saveOut{}, inputErrorf("copy", "the message has no content")
		}
		msg.Sender, msg.Elems = args.Copy.Sender, args.Copy.Elems
		if msg.CloudCustom == "" {
			msg.CloudCustom = sdkconn.WithEffect(args.Copy.CloudCustom, "") // of another message
		}
	} else if msg.Elems, err = args.elems(call, ""); err != nil {
		return saveOut{}, err
	}
	if args.From != nil {
		if *args.From == "" {
			return saveOut{}, inputErrorf("from", "is empty: want a user id")
		}
		msg.Sender = *args.From
	}
	msg.IsFromSelf = msg.Sender == call.Conn.Self()
	if err := call.Conn.SaveMsg(ctx, conv, msg); err != nil {
		return saveOut{}, explain("save in "+conv.String(), err)
	}
	return saveOut{Text: msg.Text()}, nil
})
