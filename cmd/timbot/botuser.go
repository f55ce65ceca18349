package main

import "net/url"

// botUser is the bot's user id as its connection tells it, or "bot".
func botUser(connection string) string {
	if u, err := url.Parse(connection); err == nil {
		for _, key := range []string{"user", "identifier"} {
			if user := u.Query().Get(key); user != "" {
				return user
			}
		}
	}
	return "bot"
}
