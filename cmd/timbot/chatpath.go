package main

import (
	"net/url"
	"path/filepath"

	"github.com/timbot-go/timbot/sdkconn/local"
)

// localScheme is the embedded chat's in connection URLs.
const localScheme = "local"

// chatFile is the chat file that a connection names; ok is false when it is not the embedded chat, or not in a file. dir
// is the folder of the bot's file.
func chatFile(connection, dir string) (path string, ok bool) {
	u, err := url.Parse(connection)
	if err != nil || u.Scheme != localScheme {
		return "", false
	}
	path = u.Path
	if u.Opaque != "" {
		if path, err = url.PathUnescape(u.Opaque); err != nil {
			return "", false
		}
	}
	if path == "" || path == local.Memory {
		return "", false
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return path, true
}
