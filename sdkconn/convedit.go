package sdkconn

import "context"

// ReceiveOpt says what a user wants to hear of a conversation, TIMReceiveMessageOpt.
type ReceiveOpt uint32

// The receive options.
const (
	Receive            ReceiveOpt = 0
	ReceiveNot         ReceiveOpt = 1 // new messages are not told; they are in the history
	ReceiveSilently    ReceiveOpt = 2 // told, without a notification
	ReceiveMentionOnly ReceiveOpt = 3 // told, with a notification for mentions only
)

// ConvEditor is the ability to arrange a user's own list of conversations. Nobody else notices.
type ConvEditor interface {
	// ConvPinConversation puts a conversation before those that are not pinned, or back. TIMConvPinConversation.
	ConvPinConversation(ctx context.Context, conv Conversation, pinned bool) error

	// ConvDelete takes a conversation off the list, with everything in it; the next message begins it anew.
	// TIMConvDelete.
	ConvDelete(ctx context.Context, conv Conversation) error

	// ConvGetTotalUnreadMessageCount is the number of unread messages in all conversations that are received and
	// notified. TIMConvGetTotalUnreadMessageCount.
	ConvGetTotalUnreadMessageCount(ctx context.Context) (uint64, error)
}

// ReceiveOpts is the ability to choose what is heard of a conversation.
type ReceiveOpts interface {
	// MsgSetC2CReceiveMessageOpt sets the option for messages of at most 30 users. TIMMsgSetC2CReceiveMessageOpt.
	MsgSetC2CReceiveMessageOpt(ctx context.Context, users []string, opt ReceiveOpt) error

	// MsgSetGroupReceiveMessageOpt sets the option for a group's messages. TIMMsgSetGroupReceiveMessageOpt.
	MsgSetGroupReceiveMessageOpt(ctx context.Context, group string, opt ReceiveOpt) error
}
