package rulestest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
)

// RuleSet is rules from files, to look at them or to replay traffic through them: nothing is held back by a pace, and a
// secret is the text "secret".
type RuleSet struct {
	*rules.Set
	Dir  string // what the files name lies there and below
	Path string // as a person named it
}

// LoadRules reads the rules that a person means by path: a bot's file or folder, or a file or a folder of rules alone, which
// get the bot section of base. modes takes the place of the run of rules. The error is a rules.Errors with everything that
// is wrong, or says what path is.
func LoadRules(path string, registry *actions.Registry, base *RuleSet, modes map[string]rules.Mode) (*RuleSet, error) {
	dir, root, names, err := rulesFiles(path)
	if err != nil {
		return nil, err
	}
	fsys := overlaid{os.DirFS(dir), map[string][]byte{}}
	if root == "" {
		root = madeBot
		text := "version: 1\nbot: {connection: \"local::memory:?user=bot\"}\nsecrets: {from: env}\ninclude:\n"
		for _, name := range names {
			text += "  - " + yamlText(name) + "\n"
		}
		fsys.files[root] = []byte(text)
	}
	set, err := rules.Load(fsys, root, rules.Options{
		Catalog: bot.Catalog(registry), Env: func(string) (string, bool) { return "secret", true }, Modes: modes,
	})
	var all rules.Errors
	if errors.As(err, &all) {
		for i := range all {
			all[i].File = filepath.Join(dir, all[i].File)
		}
		return nil, all
	}
	if err != nil {
		return nil, err
	}
	if len(names) > 0 && base != nil {
		set.Bot = base.Bot
	}
	set.Bot.Pace = unbounded
	return &RuleSet{Set: set, Dir: dir, Path: path}, nil
}

// rulesFiles finds out what path is: a bot's file root in dir, or rules alone, names.
func rulesFiles(path string) (dir, root string, names []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", "", nil, err
	}
	if !info.IsDir() {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", "", nil, err
		}
		dir, name := filepath.Dir(path), filepath.Base(path)
		var top struct {
			Bot yaml.Node `yaml:"bot"`
		}
		if yaml.Unmarshal(text, &top) == nil && top.Bot.IsZero() {
			return dir, "", []string{name}, nil
		}
		return dir, name, nil, nil // what is wrong in it is told when it is loaded
	}
	if _, err := os.Stat(filepath.Join(path, bot.FileName)); err == nil {
		return path, bot.FileName, nil, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", "", nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return "", "", nil, err
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.IsDir() && slices.Contains([]string{".yaml", ".yml"}, ext) &&
			!strings.HasSuffix(e.Name(), FileSuffix) {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return "", "", nil, fmt.Errorf("the folder %s has neither %s nor rules", path, bot.FileName)
	}
	return path, "", names, nil
}
