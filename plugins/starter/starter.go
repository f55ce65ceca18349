// Package starter makes the folder that the author of a plugin begins with, in Go, Python or Node: an action, its manifest, its
// tests, and a bot that uses it.
package starter

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/timbot-go/timbot/plugins/wire"
)

// Languages are those that there are starters in.
var Languages = []string{"go", "python", "node"}

//go:embed files
var files embed.FS

// Options say what is made.
type Options struct {
	Name     string // of the plugin, lower_snake_case
	Language string // one of Languages

	// Of timbot, for Go: the version that is asked for, such as v1.2.0, and the folder of a checkout that is used in its place. One
	// of them is needed.
	Version, Checkout string
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,49}$`)

// taken are names of a starter's own files, and words that a Go module cannot be called.
var taken = []string{"main", "test", "plugin", "timbot_plugin", "test_plugin", "plugin_pb2"}

// Check says what is wrong with a name; nil for nothing.
func Check(name string) error {
	switch {
	case !nameForm.MatchString(name):
		return fmt.Errorf("%q cannot be a plugin's name: use small letters, digits and _, 50 at most, and a letter first", name)
	case slices.Contains(taken, name):
		return fmt.Errorf("%q cannot be a plugin's name: its own files are called so", name)
	}
	return nil
}

// Files are the files of a starter by their names, with slashes. What a program must be able to execute is in Executable.
func Files(o Options) (map[string][]byte, error) {
	if err := Check(o.Name); err != nil {
		return nil, err
	}
	if !slices.Contains(Languages, o.Language) {
		return nil, fmt.Errorf("there is no starter in %q: there are %s", o.Language, strings.Join(Languages, ", "))
	}
	out := make(map[string][]byte)
	add := func(name string) error {
		data, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		to := strings.TrimSuffix(path.Base(name), ".tmpl")
		if to == "gitignore" {
			to = ".gitignore"
		}
		if !strings.HasPrefix(to, "timbot_plugin") && to != "plugin_pb2.py" {
			data = bytes.ReplaceAll(data, []byte("NAME"), []byte(o.Name))
		}
		out[to] = data
		return nil
	}
	entries, err := files.ReadDir("files/" + o.Language)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if err := add("files/" + o.Language + "/" + e.Name()); err != nil {
			return nil, err
		}
	}
	if err := add("files/bot.yaml"); err != nil {
		return nil, err
	}
	switch o.Language {
	case "go":
		if out["go.mod"], err = goMod(o); err != nil {
			return nil, err
		}
	case "node":
		out["plugin.proto"] = wire.Proto
	}
	return out, nil
}

// Executable reports whether a file of a starter is a program.
func Executable(name string) bool { return name == "plugin.py" || name == "plugin.mjs" }

// Write makes the folder dir with a starter in it, and returns the names of its files, sorted. It leaves a folder alone in which
// there is one of them already.
func Write(dir string, o Options) ([]string, error) {
	all, err := Files(o)
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range all {
		names = append(names, name)
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			if err == nil {
				err = fmt.Errorf("there is a %s already: nothing is written", filepath.Join(dir, name))
			}
			return nil, err
		}
	}
	slices.Sort(names)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for _, name := range names {
		mode := fs.FileMode(0o644)
		if Executable(name) {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(dir, name), all[name], mode); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// module is timbot's.
const module = "github.com/timbot-go/timbot"

func goMod(o Options) ([]byte, error) {
	version := o.Version
	switch {
	case o.Checkout != "":
		version = "v0.0.0"
	case version == "":
		return nil, errors.New("it is not known which timbot the plugin is to be built with")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "module %s\n\ngo 1.26.0\n\nrequire %s %s\n", o.Name, module, version)
	if o.Checkout != "" {
		fmt.Fprintf(&b, "\n// This timbot was built from a checkout. With a release: delete the line, and go get %s@latest\n", module)
		fmt.Fprintf(&b, "replace %s => %s\n", module, modPath(o.Checkout))
	}
	return b.Bytes(), nil
}

// modPath is a path as go.mod takes it.
func modPath(p string) string {
	if strings.ContainsAny(p, " \t\"'`,()[]{}") {
		return fmt.Sprintf("%q", p)
	}
	return p
}

// Steps are the commands that make a new folder complete, to be run in it one after another; none when nothing is missing.
func Steps(language string) []string {
	switch language {
	case "go":
		return []string{"go mod tidy", "go build"}
	case "node":
		return []string{"npm install --no-fund --no-audit"}
	}
	return nil
}

// Tests is the command that runs a starter's tests.
func Tests(language string) string {
	switch language {
	case "go":
		return "go test"
	case "node":
		return "npm test"
	}
	return "/usr/bin/python3 -m unittest"
}
