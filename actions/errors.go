package actions

import (
	"errors"
	"fmt"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// InputError says that an input is wrong. The same inputs fail again.
type InputError struct {
	Input string // for instance "elements[0].face.index"
	Text  string // what is wrong and what to give instead
	Err   error  // what lies behind it, for instance an *fs.PathError; may be nil
}

// Error returns for instance "elements[0].face.index: want a whole number, not text".
func (e *InputError) Error() string {
	s := e.Input + ": " + e.Text
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the error behind it.
func (e *InputError) Unwrap() error { return e.Err }

func inputErrorf(input, format string, args ...any) *InputError {
	return &InputError{Input: input, Text: fmt.Sprintf(format, args...)}
}

// ErrUnsettled is wrapped by the error of an action that was asked to settle an effect (Call.Unsettled) and cannot tell
// whether it happened. It was not done again. With the advice of Retry it may be told later.
var ErrUnsettled = errors.New("whether it took effect is not known")

// ErrLater is wrapped by what Outgoing answers when a message's turn comes so late that the step is put off: nothing of
// this step has left, and an action returns the error as it is. The step is done again when the turn has come.
var ErrLater = errors.New("not sent yet: its turn comes later")

// Retry is an action's own advice to try again, no sooner than after the given time. It counts for errors that
// sdkconn.Retryable knows nothing about. Retry of nil is nil.
func Retry(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	return &retryError{err: err, after: max(after, 0)}
}

// RetryAfter reports whether err holds the advice to try again, and after which time.
func RetryAfter(err error) (time.Duration, bool) {
	var r *retryError
	if !errors.As(err, &r) {
		return 0, false
	}
	return r.after, true
}

type retryError struct {
	err   error
	after time.Duration
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

// remedies says what a person can do about a code.
var remedies = map[sdkconn.Code]string{
	sdkconn.CodeNotLoggedIn:               "the bot is offline: check its connection and its login",
	sdkconn.CodeNotInitialized:            "the connection is closed",
	sdkconn.CodeInvalidMsgElem:            "one of the elements may not be sent: tips and notices come from the service only",
	sdkconn.CodeMsgBodySizeLimit:          "shorten the text or send it in parts: a message holds 12 KB",
	sdkconn.CodeSvrCommBodySizeLimit:      "shorten the text or send it in parts: a message holds 12 KB",
	sdkconn.CodeSvrMsgBodySizeLimit:       "shorten the text or send it in parts: a message holds 12 KB",
	sdkconn.CodeToUserInvalid:             "check the user id: the user must have logged in once, or been imported",
	sdkconn.CodeInvalidMsgReceiver:        "check the user id: the user must have logged in once, or been imported",
	sdkconn.CodeSvrMsgInvalidID:           "check the user id: the user must have logged in once, or been imported",
	sdkconn.CodeSvrMsgToAccountNotFound:   "check the user id: the user must have logged in once, or been imported",
	sdkconn.CodeSvrMsgAccountNotFound:     "check the user id: the user must have logged in once, or been imported",
	sdkconn.CodeGroupNotFound:             "check the group's id",
	sdkconn.CodeGroupInvalidGroupID:       "check the group's id",
	sdkconn.CodeGroupPermissionDeny:       "the bot must be a member of the group, and its owner or an administrator for what is about others",
	sdkconn.CodeSvrGroupInvalidParameters: "check that the user is a member of the group, and that groups of its type allow this",
	sdkconn.CodeGroupShutupDeny:           "the bot is muted in this group: have an administrator unmute it",
	sdkconn.CodeSvrMsgShutupDeny:          "the bot is muted: have it unmuted in the console",
	sdkconn.CodeSvrMsgInPeerBlacklist:     "the user has blocked the bot",
	sdkconn.CodeRevokeTimeLimit:           "messages can be revoked for 120 seconds unless the console says otherwise",
	sdkconn.CodeRevokeTimeLimitExceed:     "messages can be revoked for 120 seconds unless the console says otherwise",
	sdkconn.CodeGroupRevokeMsgTimeLimit:   "messages can be revoked for 120 seconds unless the console says otherwise",
	sdkconn.CodeGroupRevokeMsgNotFound:    "the message is not in this group: check the message or the locator",
	sdkconn.CodeGroupNotAllowRevokeMsg:    "groups of this type do not allow revoking",
	sdkconn.CodeFileNotFound:              "check the file's path",
	sdkconn.CodeFileTooLarge:              "send a smaller file",
	sdkconn.CodeFileSizeEmpty:             "the file is empty",
	sdkconn.CodeFileTransDownloadFailed:   "the service keeps files for some days only",
	sdkconn.CodeGroupSendMsgFreqLimit:     "send more slowly to this group",
	sdkconn.CodeSensitiveText:             "moderation blocked the text: change it",
	sdkconn.CodeSensitiveImage:            "moderation blocked the picture",
	sdkconn.CodeImageUploadFailedNotImage: "the file is no picture: send it as a file",
}

// explain says what was tried and, when it is known, what to do about the failure. The error keeps the code and the text.
func explain(tried string, err error) error {
	if err == nil {
		return nil
	}
	if r := remedies[sdkconn.CodeOf(err)]; r != "" {
		return fmt.Errorf("%s: %w (%s)", tried, err, r)
	}
	return fmt.Errorf("%s: %w", tried, err)
}
