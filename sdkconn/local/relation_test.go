package local

import (
	"errors"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

// In a chat for friends both must have the other in their list.
func TestFriendsOnly(t *testing.T) {
	chat := open(t, Memory, Config{FriendsOnly: true})
	alice, bob := login(t, chat, "alice"), login(t, chat, "bob")
	tries := func(what string, code sdkconn.Code) {
		t.Helper()
		_, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("bob"), text("x"))
		if code == 0 && err != nil || code != 0 && !errors.Is(err, code) {
			t.Errorf("%s: %v, want code %d", what, err, code)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	tries("strangers", sdkconn.CodeSvrMsgBothNotFriend)
	must(alice.FriendshipAddFriend(t.Context(), "bob", sdkconn.FriendSingle))
	tries("alice has bob", sdkconn.CodeSvrMsgNotPeerFriend)
	must(bob.FriendshipAddFriend(t.Context(), "alice", sdkconn.FriendSingle))
	tries("both", 0)
	must(alice.FriendshipDeleteFriend(t.Context(), "bob", sdkconn.FriendSingle))
	tries("bob has alice", sdkconn.CodeSvrMsgNotSelfFriend)
	must(alice.FriendshipAddFriend(t.Context(), "bob", sdkconn.FriendBoth))
	must(bob.FriendshipAddToBlackList(t.Context(), []string{"alice"}))
	tries("on the black list", sdkconn.CodeSvrMsgInPeerBlacklist)
	must(bob.FriendshipDeleteFriend(t.Context(), "alice", sdkconn.FriendBoth))
	must(bob.FriendshipDeleteFromBlackList(t.Context(), []string{"alice"}))
	tries("strangers again", sdkconn.CodeSvrMsgBothNotFriend)
	if _, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("alice"), text("to oneself")); err != nil {
		t.Error(err)
	}
}
