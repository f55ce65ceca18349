package local

import (
	"context"
	"slices"

	"github.com/timbot-go/timbot/sdkconn"
)

// userProfiles is the schema's step for what users say of themselves.
const userProfiles = `
ALTER TABLE user ADD COLUMN profile TEXT NOT NULL DEFAULT '';
`

// maxProfileText bounds each text of a profile, in bytes.
const maxProfileText = 500

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

// ProfileModifySelfUserProfile implements [sdkconn.ProfileEditor]. Messages that were sent before show the new profile too:
// they say who wrote them, not what he was called. A text may have 500 bytes (CodeInvalidParameters).
func (c *Conn) ProfileModifySelfUserProfile(ctx context.Context, items sdkconn.ProfileItems) error {
	const op = "ProfileModifySelfUserProfile"
	for _, text := range []*string{items.NickName, items.FaceURL, items.SelfSignature, items.Location} {
		if text != nil && len(*text) > maxProfileText {
			return fail(op, sdkconn.CodeInvalidParameters, "a text of %d bytes, at most %d", len(*text), maxProfileText)
		}
	}
	for _, custom := range items.Custom {
		if len(custom.Key)+len(custom.Value) > maxProfileText {
			return fail(op, sdkconn.CodeInvalidParameters, "a custom field of more than %d bytes", maxProfileText)
		}
	}
	items.Custom = slices.Clone(items.Custom)
	return c.write(ctx, op, func(t *tx) error {
		u, err := t.userByID(c.user.id)
		if err != nil {
			return err
		}
		page := u.fullProfile()
		set(&page.NickName, items.NickName)
		set(&page.FaceURL, items.FaceURL)
		set(&page.SelfSignature, items.SelfSignature)
		set(&page.Location, items.Location)
		set(&page.Gender, items.Gender)
		set(&page.AddPermission, items.AddPermission)
		set(&page.Language, items.Language)
		set(&page.Birthday, items.Birthday)
		set(&page.Level, items.Level)
		set(&page.Role, items.Role)
		for _, custom := range items.Custom {
			i := slices.IndexFunc(page.Custom, func(c sdkconn.CustomString) bool { return c.Key == custom.Key })
			if i < 0 {
				page.Custom = append(page.Custom, custom)
			} else {
				page.Custom[i] = custom
			}
		}
		nick := page.NickName
		page.NickName, page.Identifier = "", ""
		data, err := sdkconn.Marshal(page)
		if err != nil {
			return fail(op, sdkconn.CodeInvalidParameters, "profile: %w", err)
		}
		if err := t.exec(`UPDATE user SET nick = ?, profile = ? WHERE id = ?`, nick, string(data), u.id); err != nil {
			return err
		}
		_, err = t.renew(u)
		return err
	})
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}
