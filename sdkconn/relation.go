package sdkconn

import "context"

// FriendType says on whose side a friendship is, TIMFriendType.
type FriendType uint32

// The friend types.
const (
	FriendSingle FriendType = 0 // in the caller's list only
	FriendBoth   FriendType = 1 // in both lists
)

// Friends is the ability to keep a list of friends, which decides who may write to whom where the app says so:
// CodeSvrMsgBothNotFriend, CodeSvrMsgNotPeerFriend, CodeSvrMsgNotSelfFriend.
type Friends interface {
	// FriendshipAddFriend puts the user into the caller's list, and the caller into his. TIMFriendshipAddFriend.
	FriendshipAddFriend(ctx context.Context, user string, friend FriendType) error
	// FriendshipDeleteFriend takes the user out of the caller's list, and the caller out of his.
	// TIMFriendshipDeleteFriend.
	FriendshipDeleteFriend(ctx context.Context, user string, friend FriendType) error
	// FriendshipGetFriendProfileList returns the profiles of the caller's friends in the order in which they were added.
	// TIMFriendshipGetFriendProfileList.
	FriendshipGetFriendProfileList(ctx context.Context) ([]UserProfile, error)
}

// BlackList is the ability to keep a list of users from whom nothing is wanted: what they send to the caller is
// CodeSvrMsgInPeerBlacklist. Groups are not concerned.
type BlackList interface {
	// FriendshipAddToBlackList puts users on the list. TIMFriendshipAddToBlackList.
	FriendshipAddToBlackList(ctx context.Context, users []string) error
	// FriendshipDeleteFromBlackList takes users off the list. TIMFriendshipDeleteFromBlackList.
	FriendshipDeleteFromBlackList(ctx context.Context, users []string) error
	// FriendshipGetBlackList returns the users on the list in the order in which they were put there.
	// TIMFriendshipGetBlackList.
	FriendshipGetBlackList(ctx context.Context) ([]string, error)
}
