package main

import (
	"fmt"

	"github.com/timbot-go/timbot/sdkconn"
)

// remedies says what a person at the terminal can do about a code.
var remedies = map[sdkconn.Code]string{
	sdkconn.CodeGroupNotFound:             "there is no such group; in timbot chat, /in GROUP makes one",
	sdkconn.CodeGroupPermissionDeny:       "the user must be a member of the group, and its owner or an administrator for what concerns others",
	sdkconn.CodeGroupJoinPrivateGroupDeny: "a Work group cannot be joined: have a member /invite you",
	sdkconn.CodeToUserInvalid:             "there is no such user; in timbot chat, /as USER makes one",
	sdkconn.CodeInvalidMsgReceiver:        "there is no such user; in timbot chat, /as USER makes one",
	sdkconn.CodeSvrMsgInvalidID:           "there is no such user; in timbot chat, /as USER makes one",
	sdkconn.CodeSvrMsgToAccountNotFound:   "there is no such user; in timbot chat, /as USER makes one",
	sdkconn.CodeSvrMsgAccountNotFound:     "there is no such user; in timbot chat, /as USER makes one",
	sdkconn.CodeRevokeTimeLimit:           "a message can be taken back for 120 seconds",
	sdkconn.CodeGroupRevokeMsgTimeLimit:   "a message can be taken back for 120 seconds",
	sdkconn.CodeMsgBodySizeLimit:          "a message holds 12 KB of text",
	sdkconn.CodeInvalidIdentifier:         "a user's id is 1 to 32 printable ASCII characters",
	sdkconn.CodeGroupInvalidID:            "a group's id is at most 48 printable ASCII characters and does not begin with @TGS#",
	sdkconn.CodeFileNotFound:              "check the path",
	sdkconn.CodeFileSizeEmpty:             "the file is empty",
}

// explain says what was tried and, when it is known, what to do about the failure.
func explain(tried string, err error) error {
	if err == nil {
		return nil
	}
	if r := remedies[sdkconn.CodeOf(err)]; r != "" {
		return fmt.Errorf("%s: %w (%s)", tried, err, r)
	}
	return fmt.Errorf("%s: %w", tried, err)
}
