package face

import (
	"context"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// friendResult is what became of one user.
type friendResult struct {
	Code sdkconn.Code `json:"friend_result_code"`
	Desc string       `json:"friend_result_desc"`
	User string       `json:"friend_result_identifier"`
}

func resultOf(user string, err error) friendResult {
	code, desc := outcome(err)
	return friendResult{code, desc, user}
}

// friendProfile is one user of a list.
type friendProfile struct {
	User    string              `json:"friend_profile_identifier"`
	Profile sdkconn.UserProfile `json:"friend_profile_user_profile"`
}

// FriendshipAddFriend adds a friend; nobody is asked.
func (s *SDK) FriendshipAddFriend(param string, reply Reply) sdkconn.Code {
	var p struct {
		User string             `json:"friendship_add_friend_param_identifier"`
		Type sdkconn.FriendType `json:"friendship_add_friend_param_friend_type"`
	}
	if code := object(param, &p, mustSayThings); code != 0 {
		return code
	}
	return s.ask(reply, notLoggedIn, "", func(ctx context.Context, c *local.Conn) (string, string, error) {
		err := c.FriendshipAddFriend(ctx, p.User, p.Type)
		return "", encode(resultOf(p.User, err)), err
	})
}

// FriendshipDeleteFriend ends friendships. The answer has a result for each.
func (s *SDK) FriendshipDeleteFriend(param string, reply Reply) sdkconn.Code {
	var p struct {
		Users []string           `json:"friendship_delete_friend_param_identifier_array"`
		Type  sdkconn.FriendType `json:"friendship_delete_friend_param_friend_type"`
	}
	if code := object(param, &p, mustSayThings); code != 0 {
		return code
	}
	return fetch(s, reply, notLoggedIn, "", func(ctx context.Context, c *local.Conn) (any, error) {
		results := make([]friendResult, len(p.Users))
		for i, user := range p.Users {
			results[i] = resultOf(user, c.FriendshipDeleteFriend(ctx, user, p.Type))
		}
		return results, ctx.Err()
	})
}

// FriendshipGetFriendProfileList answers the friends.
func (s *SDK) FriendshipGetFriendProfileList(reply Reply) sdkconn.Code {
	return fetch(s, reply, notLoggedIn, "", func(ctx context.Context, c *local.Conn) (any, error) {
		return profiles(c.FriendshipGetFriendProfileList(ctx))
	})
}

func profiles(users []sdkconn.UserProfile, err error) (any, error) {
	list := make([]friendProfile, len(users))
	for i, u := range users {
		list[i] = friendProfile{u.Identifier, u}
	}
	return list, err
}

// FriendshipGetBlackList answers the users on the black list.
func (s *SDK) FriendshipGetBlackList(reply Reply) sdkconn.Code {
	return fetch(s, reply, notLoggedIn, "", func(ctx context.Context, c *local.Conn) (any, error) {
		users, err := c.FriendshipGetBlackList(ctx)
		if err != nil || len(users) == 0 {
			return []friendProfile{}, err
		}
		return profiles(c.ProfileGetUserProfileList(ctx, users))
	})
}

// FriendshipAddToBlackList puts users on the black list.
func (s *SDK) FriendshipAddToBlackList(users string, reply Reply) sdkconn.Code {
	return s.blackList(users, reply, (*local.Conn).FriendshipAddToBlackList)
}

// FriendshipDeleteFromBlackList takes users off the black list.
func (s *SDK) FriendshipDeleteFromBlackList(users string, reply Reply) sdkconn.Code {
	return s.blackList(users, reply, (*local.Conn).FriendshipDeleteFromBlackList)
}

func (s *SDK) blackList(users string, reply Reply, change func(*local.Conn, context.Context, []string) error) sdkconn.Code {
	ids, code := names(users)
	if code != 0 {
		return code
	}
	return fetch(s, reply, notLoggedIn, "", func(ctx context.Context, c *local.Conn) (any, error) {
		results := make([]friendResult, len(ids))
		for i, user := range ids {
			results[i] = resultOf(user, change(c, ctx, []string{user}))
		}
		return results, ctx.Err()
	})
}
