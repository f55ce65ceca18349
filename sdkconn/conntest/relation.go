package conntest

import "github.com/timbot-go/timbot/sdkconn"

func (u *user) friends() sdkconn.Friends { return u.Conn.(sdkconn.Friends) }

func (u *user) blackList() sdkconn.BlackList { return u.Conn.(sdkconn.BlackList) }

// friendNames lists the user's friends.
func (u *user) friendNames() []string {
	u.e.Helper()
	list, err := u.friends().FriendshipGetFriendProfileList(u.e.ctx)
	u.e.ok(err)
	var names []string
	for _, p := range list {
		names = append(names, p.Identifier)
	}
	return names
}

// outcasts lists the user's black list.
func (u *user) outcasts() []string {
	u.e.Helper()
	list, err := u.blackList().FriendshipGetBlackList(u.e.ctx)
	u.e.ok(err)
	return list
}

var relationChecks = []check{
	{"relation/who is on the black list cannot write", []feature{blackList}, func(e *env) {
		alice, bob := e.pair()
		carol := e.login("carol")
		e.ok(alice.blackList().FriendshipAddToBlackList(e.ctx, []string{"bob"}))
		_, err := bob.SendNewMsg(e.ctx, sdkconn.C2C("alice"), textMessage("x"))
		e.refused("to who has the list", err, sdkconn.CodeSvrMsgInPeerBlacklist)
		alice.send(sdkconn.C2C("bob"), "the other way")
		carol.send(sdkconn.C2C("alice"), "somebody else")
		bob.send(sdkconn.C2C("carol"), "to somebody else")
		equal(e, "alice is told", texts(alice.news()), []string{"somebody else"})
		equal(e, "bob is told", texts(bob.news()), []string{"the other way"})
		e.ok(alice.blackList().FriendshipDeleteFromBlackList(e.ctx, []string{"bob"}))
		bob.send(sdkconn.C2C("alice"), "again")
		equal(e, "alice is told", texts(alice.news()), []string{"somebody else", "again"})
	}},
	{"relation/the black list", []feature{blackList}, func(e *env) {
		alice, bob := e.pair()
		e.addUsers("carol")
		equal(e, "nobody", alice.outcasts(), nil)
		e.ok(alice.blackList().FriendshipAddToBlackList(e.ctx, []string{"carol", "bob"}))
		e.ok(alice.blackList().FriendshipAddToBlackList(e.ctx, []string{"carol"}))
		equal(e, "alice's", alice.outcasts(), []string{"carol", "bob"})
		equal(e, "bob's", bob.outcasts(), nil)
		e.ok(alice.blackList().FriendshipDeleteFromBlackList(e.ctx, []string{"carol"}))
		equal(e, "alice's", alice.outcasts(), []string{"bob"})
	}},
	{"relation/group: the black list is for one-to-one messages", []feature{blackList, groups}, func(e *env) {
		alice, bob, _, conv := e.trio()
		e.ok(alice.blackList().FriendshipAddToBlackList(e.ctx, []string{"bob"}))
		bob.send(conv, "x")
		equal(e, "alice is told", texts(alice.news()), []string{"x"})
	}},
	{"relation/friends on one side or both", []feature{friends}, func(e *env) {
		alice, bob := e.pair()
		e.addUsers("carol")
		e.ok(alice.friends().FriendshipAddFriend(e.ctx, "bob", sdkconn.FriendBoth))
		e.ok(alice.friends().FriendshipAddFriend(e.ctx, "carol", sdkconn.FriendSingle))
		equal(e, "alice's", alice.friendNames(), []string{"bob", "carol"})
		equal(e, "bob's", bob.friendNames(), []string{"alice"})
		e.ok(bob.friends().FriendshipDeleteFriend(e.ctx, "alice", sdkconn.FriendSingle))
		equal(e, "alice's", alice.friendNames(), []string{"bob", "carol"})
		equal(e, "bob's", bob.friendNames(), nil)
		e.ok(bob.friends().FriendshipDeleteFriend(e.ctx, "alice", sdkconn.FriendBoth))
		equal(e, "alice's", alice.friendNames(), []string{"carol"})
		if err := alice.friends().FriendshipAddFriend(e.ctx, "nobody", sdkconn.FriendBoth); err == nil {
			e.Error("a stranger became a friend")
		}
	}},
}
