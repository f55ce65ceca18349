package main

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

// A Go plugin is built with the release that this program is; without one with the checkout that it was built from.
func TestModuleOf(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module github.com/timbot-go/timbot\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	here, away := filepath.Join(root, "cmd", "timbot", "plugin_new.go"), filepath.Join(t.TempDir(), "cmd", "timbot", "plugin_new.go")
	const noPath = "github.com/timbot-go/timbot/cmd/timbot/plugin_new.go" // -trimpath
	for _, c := range []struct {
		name              string
		main              debug.Module
		file              string
		version, checkout string
		wrong             bool
	}{
		{"go install of a release", debug.Module{Version: "v1.2.3", Sum: "h1:x"}, noPath, "v1.2.3", "", false},
		{"a release beside a checkout", debug.Module{Version: "v1.2.3", Sum: "h1:x"}, here, "v1.2.3", "", false},
		{"a checkout", debug.Module{Version: "(devel)"}, here, "", root, false},
		{"a checkout at a commit", debug.Module{Version: "v1.2.4-0.20260101000000-abcdefabcdef"}, here, "", root, false},
		{"a release's program", debug.Module{Version: "v1.2.3"}, noPath, "v1.2.3", "", false},
		{"a checkout that is gone", debug.Module{Version: "(devel)"}, away, "", "", true},
		{"a changed checkout that is gone", debug.Module{Version: "v1.2.3+dirty"}, away, "", "", true},
		{"nothing is known", debug.Module{}, "", "", "", true},
	} {
		version, checkout, err := moduleOf(&c.main, c.file)
		if version != c.version || checkout != c.checkout || (err != nil) != c.wrong {
			t.Errorf("%s: %q %q %v", c.name, version, checkout, err)
		}
	}
}
