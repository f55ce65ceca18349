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
	s.mu.Lock()
	t, l := s.term, s.listeners
	s.mu.Unlock()
	return s.act(reply, func(ctx context.Context, c *local.Conn) error {
		if err := c.ProfileModifySelfUserProfile(ctx, items); err != nil || s.heard(l).selfUpdated == nil {
			return err
		}
		now, err := c.ProfileGetUserProfileList(ctx, []string{c.Self()})
		if err != nil || len(now) == 0 {
			return nil // it was changed all the same
		}
		text := encode(now[0])
		s.thread.post(&t.scope, func() {
			if f := s.heard(l).selfUpdated; f != nil {
				f(text)
			}
		})
		return nil
	})
}
