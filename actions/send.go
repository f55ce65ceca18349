package actions

import "context"

type sendIn struct {
	to       `arg:",squash"`
	outgoing `arg:",squash"`
}

// Send sends a message to a user, a group, or the event's conversation.
var Send = New(Spec{
	Name: "send",
	Doc: "Sends a message to a user or a group, or, when neither is given, to the conversation that the event " +
		"belongs to.",
	Example: `send:
  to_group: "@TGS#ops"
  elements:
    - text: 新的菜单
    - image: {path: pics/menu.png}
  mentions: [all]`,
	OneOf:             [][]string{contentNames},
	AtMostOne:         [][]string{toNames, {"mentions", "only_to"}},
	ActsOnChat:        true,
	NeedsConversation: true,
	Targets:           toNames,
	Settle:            SettleAsk, // a second message would be noticed, and the first can be looked for
}, func(ctx context.Context, call *Call, args sendIn) (sent, error) {
	conv, err := args.conversation(call)
	if err != nil {
		return sent{}, err
	}
	return args.send(ctx, call, conv)
})
