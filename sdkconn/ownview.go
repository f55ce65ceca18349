package sdkconn

import "context"

// MaxListDelete bounds the messages of one MsgListDelete.
const MaxListDelete = 50

// MessageListDeleter is the ability to delete several messages at once, on the server too.
type MessageListDeleter interface {
	// MsgListDelete deletes messages of one conversation, at most MaxListDelete, in this user's own view: all of them or,
	// when one is not there, none. Nobody else notices. TIMMsgListDelete.
	//
	// Errors: CodeJSON for an empty list or one that holds an empty message, CodeInvalidParameters for too many, for one
	// that is not there, and for one that names another conversation.
	MsgListDelete(ctx context.Context, conv Conversation, msgs []*Message) error
}

// HistoryClearer is the ability to clear a conversation, on the server too.
type HistoryClearer interface {
	// MsgClearHistoryMessage deletes all messages of a conversation in this user's own view. The conversation stays.
	// TIMMsgClearHistoryMessage.
	MsgClearHistoryMessage(ctx context.Context, conv Conversation) error
}

// LocalCustomData is the ability to keep data of one's own with a message.
type LocalCustomData interface {
	// MsgSetLocalCustomData keeps msg's CustomInt and CustomStr with the message of msg's identity and conversation.
	// Nobody else sees or notices them. A message that is not there is CodeInvalidParameters. TIMMsgSetLocalCustomData.
	MsgSetLocalCustomData(ctx context.Context, msg *Message) error
}
