package native

import (
	"context"

	"github.com/timbot-go/timbot/sdkconn"
)

// ProfileGetUserProfileList implements [sdkconn.Profiles].
func (c *Conn) ProfileGetUserProfileList(ctx context.Context, users []string) ([]sdkconn.UserProfile, error) {
	var found []sdkconn.UserProfile
	err := c.ask(ctx, "ProfileGetUserProfileList", struct {
		Users []string `json:"friendship_getprofilelist_param_identifier_array"`
	}{users}, &found)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]sdkconn.UserProfile, len(found))
	for _, p := range found {
		byID[p.Identifier] = p
	}
	var ordered []sdkconn.UserProfile
	for _, u := range users {
		if p, ok := byID[u]; ok {
			ordered = append(ordered, p)
		}
	}
	return ordered, nil
}

// ProfileModifySelfUserProfile implements [sdkconn.ProfileEditor].
func (c *Conn) ProfileModifySelfUserProfile(ctx context.Context, items sdkconn.ProfileItems) error {
	return c.ask(ctx, "ProfileModifySelfUserProfile", items, nil)
}

// friendResult is what became of one user in a call about friends.
type friendResult struct {
	User string       `json:"friend_result_identifier"`
	Code sdkconn.Code `json:"friend_result_code"`
	Desc string       `json:"friend_result_desc"`
}

func (r friendResult) err(op string) error {
	if r.Code == 0 {
		return nil
	}
	return &sdkconn.Error{Op: op, Code: r.Code, Desc: r.Desc}
}

// friendProfile is an entry of a list of friends.
type friendProfile struct {
	User    string              `json:"friend_profile_identifier"`
	Profile sdkconn.UserProfile `json:"friend_profile_user_profile"`
}

// FriendshipAddFriend implements [sdkconn.Friends].
func (c *Conn) FriendshipAddFriend(ctx context.Context, user string, friend sdkconn.FriendType) error {
	const op = "FriendshipAddFriend"
	var result friendResult
	err := c.ask(ctx, op, struct {
		User string             `json:"friendship_add_friend_param_identifier"`
		Type sdkconn.FriendType `json:"friendship_add_friend_param_friend_type"`
	}{user, friend}, &result)
	if err != nil {
		return err
	}
	return result.err(op)
}

// FriendshipDeleteFriend implements [sdkconn.Friends].
func (c *Conn) FriendshipDeleteFriend(ctx context.Context, user string, friend sdkconn.FriendType) error {
	const op = "FriendshipDeleteFriend"
	return c.each(ctx, op, struct {
		Users []string           `json:"friendship_delete_friend_param_identifier_array"`
		Type  sdkconn.FriendType `json:"friendship_delete_friend_param_friend_type"`
	}{[]string{user}, friend})
}

// each is a call that answers with one result for each user. The first failure is the call's.
func (c *Conn) each(ctx context.Context, op string, param any) error {
	var results []friendResult
	if err := c.ask(ctx, op, param, &results); err != nil {
		return err
	}
	for _, r := range results {
		if err := r.err(op); err != nil {
			return err
		}
	}
	return nil
}

// FriendshipGetFriendProfileList implements [sdkconn.Friends].
func (c *Conn) FriendshipGetFriendProfileList(ctx context.Context) ([]sdkconn.UserProfile, error) {
	friends, err := c.friends(ctx, "FriendshipGetFriendProfileList")
	var out []sdkconn.UserProfile
	for _, f := range friends {
		if f.Profile.Identifier == "" {
			f.Profile.Identifier = f.User
		}
		out = append(out, f.Profile)
	}
	return out, err
}

func (c *Conn) friends(ctx context.Context, op string) ([]friendProfile, error) {
	data, err := c.do(ctx, op, "TIM"+op)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	var list []friendProfile
	return list, read(op, data, &list)
}

// FriendshipAddToBlackList implements [sdkconn.BlackList].
func (c *Conn) FriendshipAddToBlackList(ctx context.Context, users []string) error {
	return c.each(ctx, "FriendshipAddToBlackList", users)
}

// FriendshipDeleteFromBlackList implements [sdkconn.BlackList].
func (c *Conn) FriendshipDeleteFromBlackList(ctx context.Context, users []string) error {
	return c.each(ctx, "FriendshipDeleteFromBlackList", users)
}

// FriendshipGetBlackList implements [sdkconn.BlackList].
func (c *Conn) FriendshipGetBlackList(ctx context.Context) ([]string, error) {
	list, err := c.friends(ctx, "FriendshipGetBlackList")
	var users []string
	for _, f := range list {
		users = append(users, f.User)
	}
	return users, err
}
