package sdkconn

import "context"

// MessageModifier is the ability to edit messages that were sent.
type MessageModifier interface {
	// MsgModifyMessage makes the message of msg's identity and conversation say what msg says: its elements and its
	// cloud custom string. Everybody who may write in the conversation may edit every message there; only text,
	// custom, location and face elements can be edited, the others must stay as they are. It returns the newest
	// message, whose Version is another one. All who see the message are told EventMsgUpdate, the editor too.
	// TIMMsgModifyMessage.
	//
	// msg.Version is the version that the edit is made on. When somebody else edited the message meanwhile the error is
	// CodeMsgModifyConflict, and the newest message is returned beside it.
	//
	// Errors: CodeInvalidParameters for a message that is not there, was taken back, or is not kept by the service
	// (online-only, AVChatRoom); CodeInvalidMsgElem and CodeMsgBodySizeLimit as in a send; CodeGroupPermissionDeny and
	// CodeGroupShutupDeny for who may not write there.
	MsgModifyMessage(ctx context.Context, msg *Message) (*Message, error)
}
