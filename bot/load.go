package bot

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rules"
)

// FileName is the name of a bot's file in its folder.
const FileName = "bot.yaml"

// Files is where a bot's files lie.
type Files struct {
	Dir  string // the folder; includes, lists and files to send come from there and below
	Name string // the bot's file in it
}

// Find returns the files that a person means by path: a bot's file, or a folder that holds bot.yaml.
func Find(path string) (Files, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Files{}, fmt.Errorf("bot: %w", err)
	}
	if !info.IsDir() {
		return Files{Dir: filepath.Dir(path), Name: filepath.Base(path)}, nil
	}
	if _, err := os.Stat(filepath.Join(path, FileName)); err != nil {
		return Files{}, fmt.Errorf("bot: the folder %s has no %s: %w", path, FileName, err)
	}
	return Files{Dir: path, Name: FileName}, nil
}

// Path is the bot's file as a person would name it.
func (f Files) Path() string { return filepath.Join(f.Dir, f.Name) }

// FS is the folder, as rules see it.
func (f Files) FS() fs.FS { return os.DirFS(f.Dir) }

// Load reads and checks a bot's rules against the actions. Secrets come from the environment. The error is a
// rules.Errors with everything that is wrong.
func (f Files) Load(r *actions.Registry) (*rules.Set, error) {
	return rules.Load(f.FS(), f.Name, rules.Options{Catalog: Catalog(r), Env: os.LookupEnv})
}
