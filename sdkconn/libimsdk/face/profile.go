package face

import (
	"context"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// ProfileGetUserProfileList answers users' profiles.
func (s *SDK) ProfileGetUserProfileList(param string, reply Reply) sdkconn.Code {
	var p struct {
		Users []string `json:"friendship_getprofilelist_param_identifier_array"`
	}
	if code := object(param, &p, mustSayThings); code != 0 {
		return code
	}
	return fetch(s, reply, notLoggedIn, "", func(ctx context.Context, c *local.Conn) (any, error) {
		return orNone(c.ProfileGetUserProfileList(ctx, p.Users))
	})
}

// ProfileModifySelfUserProfile changes the user's own profile.
func (s *SDK) ProfileModifySelfUserProfile(param string, reply Reply) sdkconn.Code {
	var items sdkconn.ProfileItems
	if code := object(param, &items, mustSayThings); code != 0 {
		return code
	}
	return s.ask(reply, notLoggedIn, "", func(ctx context.Context, c *local.Conn) (string, string, error) {
		if err := c.ProfileModifySelfUserProfile(ctx, items); err != nil {
			return "", "", err
		}
		if s.heard().selfUpdated != nil {
			if now, err := c.ProfileGetUserProfileList(ctx, []string{c.Self()}); err == nil && len(now) > 0 {
				s.updated(encode(now[0]))
			}
		}
		return "", "", nil
	})
}

// updated tells the user's own changed profile.
func (s *SDK) updated(profile string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.thread.post(&s.term.scope, func() {
		if f := s.heard().selfUpdated; f != nil {
			f(profile)
		}
	})
}
