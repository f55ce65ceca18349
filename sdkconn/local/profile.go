package local

import (
	"context"

	"github.com/timbot-go/timbot/sdkconn"
)

// ProfileGetUserProfileList implements [sdkconn.Profiles].
func (c *Conn) ProfileGetUserProfileList(ctx context.Context, users []string) ([]sdkconn.UserProfile, error) {
	list := []sdkconn.UserProfile{}
	err := c.read(ctx, "ProfileGetUserProfileList", func(l *lookup) error {
		for _, name := range users {
			u, err := l.userByName(name)
			if err != nil {
				return err
			}
			if u != nil {
				list = append(list, u.fullProfile())
			}
		}
		return nil
	})
	return list, err
}
