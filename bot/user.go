package bot

import "net/url"

// UserOf is the bot's user id as its connection's URL tells it, or "bot".
func UserOf(connection string) string {
	if u, err := url.Parse(connection); err == nil {
		for _, key := range []string{"user", "identifier"} {
			if user := u.Query().Get(key); user != "" {
				return user
			}
		}
	}
	return "bot"
}
