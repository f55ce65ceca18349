package sdkconn

import "context"

// Conn is one user's login to a chat service: the ten message calls of the C API, the stream of events, and an end.
//
// All methods may be called from many goroutines at once. A call blocks until the service has answered or ctx ends;
// a call that ended with ctx may still take effect (EffectUnknown). Calls after Close answer CodeNotInitialized,
// calls after the login was lost CodeNotLoggedIn. Arguments are not changed and not kept; results belong to the
// caller.
//
// The call's conversation is checked first (CodeParam for an empty id or a type other than C2C and group), then the
// message (CodeJSON for a nil or empty one), as the C API does.
type Conn interface {
	// Self is the id of the logged-in user.
	Self() string

	// SendNewMsg sends msg to conv and returns the message as the service accepted it: sender, times, rand, seq and
	// ids filled in. Several elements are allowed; the ones that carry a file are uploaded first. TIMMsgSendNewMsg.
	//
	// Errors: CodeInvalidMsgElem for no element or one that may not be sent, CodeMsgBodySizeLimit above MaxMsgBytes,
	// CodeToUserInvalid and its kin for an unknown user, CodeGroupNotFound, CodeGroupPermissionDeny for a sender who
	// is no member, CodeFileNotFound and its kin for a file that cannot be read.
	SendNewMsg(ctx context.Context, conv Conversation, msg *Message) (*Message, error)

	// ReportReaded marks everything up to and including upTo as read, or everything there is when upTo is nil. An
	// empty conversation id means all conversations of that type. In a C2C conversation the peer gets a read
	// receipt. TIMMsgReportReaded.
	ReportReaded(ctx context.Context, conv Conversation, upTo *Message) error

	// Revoke takes a message back on all sides; it stays in the history with StatusRevoked. msg needs its identity
	// (Locator) only. TIMMsgRevoke.
	//
	// Errors: CodeRevokeTimeLimit (C2C) and CodeGroupRevokeMsgTimeLimit after the revoke window (120 s unless the
	// app says otherwise), CodeGroupRevokeMsgNotFound and CodeInvalidParameters for an unknown message,
	// CodeGroupPermissionDeny for somebody else's.
	Revoke(ctx context.Context, conv Conversation, msg *Message) error

	// FindByMsgLocatorList returns the local messages that the locators name, in the order of the locators. A
	// locator without a match is skipped, a repeated one yields its message once. Revoked and deleted messages are
	// found too: look at Status. TIMMsgFindByMsgLocatorList.
	//
	// An empty list is CodeInvalidParameters.
	FindByMsgLocatorList(ctx context.Context, conv Conversation, locators []Locator) ([]*Message, error)

	// ImportMsgList writes messages with their own senders and times into the local history; nothing is sent. A
	// message whose identity is there already changes nothing. An empty list, or one that holds an empty message,
	// is CodeJSON and nothing is written. TIMMsgImportMsgList.
	ImportMsgList(ctx context.Context, conv Conversation, msgs []*Message) error

	// SaveMsg writes one hand-made message into the local history; nothing is sent. TIMMsgSaveMsg.
	SaveMsg(ctx context.Context, conv Conversation, msg *Message) error

	// GetMsgList returns a page of the history. See GetMsgListParam for what it may ask and in which order the
	// answer comes. TIMMsgGetMsgList.
	GetMsgList(ctx context.Context, conv Conversation, param GetMsgListParam) ([]*Message, error)

	// Delete hides one message in this user's own view, or, when msg is nil, all local messages of the
	// conversation. Nobody else notices. A deleted message is still found by its locator. TIMMsgDelete.
	Delete(ctx context.Context, conv Conversation, msg *Message) error

	// DownloadElemToPath fetches an element's file and writes it to path. progress may be nil; it is called at
	// least once with current == total before a successful return, never concurrently, and must not block.
	// TIMMsgDownloadElemToPath.
	//
	// Errors: CodeFileTransDownloadFailed for a file that is unknown or expired, CodeIOOperationFailed for a path
	// that cannot be written.
	DownloadElemToPath(ctx context.Context, param DownloadElemParam, path string, progress func(current, total uint64)) error

	// BatchSend sends msg to each of the users as a C2C message of its own and returns one result for each, in the
	// order given. The error is nil when at least one was sent; otherwise CodeNoSuccResult or the code that all
	// results share, with the results beside it. An empty list is CodeInvalidParameters. TIMMsgBatchSend.
	BatchSend(ctx context.Context, users []string, msg *Message) ([]BatchSendResult, error)

	// Subscribe hands events to h until ctx ends (then it returns nil), h fails (then it returns h's error), or the
	// connection is closed or lost for good (then it says why). It blocks; h is called on the calling goroutine,
	// never concurrently, in the order in which the service told the events. One subscription at a time; a second
	// one is CodeInProgress.
	//
	// Events that came before the first Subscribe, and those that h did not take, are kept and handed over at the
	// next Subscribe of this login or a later one as far as the service keeps them; see the driver.
	Subscribe(ctx context.Context, h Handler) error

	// Close logs out and frees what the connection holds. Calls in flight end with CodeInterrupt or their result. It
	// blocks until no goroutine of the connection is left, except a Subscribe whose handler has not returned. A
	// second Close does nothing.
	Close() error
}

// Handler takes events over. A connection passes all that gathered since the last call at once (at least one), so
// that a journal can make them durable in one commit. Returning nil takes responsibility for all of them; an error
// for none. A handler may block: the connection then holds back, and nothing is lost. ctx is the one given to
// Subscribe. The slice is the connection's again when the handler returns; what the events point to is the
// handler's, and must not be changed.
type Handler func(ctx context.Context, events []Event) error

// Idler is a connection that can say when it has handed everything over.
type Idler interface {
	// WaitIdle blocks until every event that the service had for this login when it was called has been taken by
	// the subscription's handler, or ctx ends. Without a subscription it waits for one.
	WaitIdle(ctx context.Context) error
}
