package rules

import (
	"slices"
	"testing"
	"testing/fstest"
)

func TestFilesOfABotWithMistakes(t *testing.T) {
	fsys := fstest.MapFS{
		"bot.yaml":       {Data: []byte("version: 2\ninclude: [rules/*.yaml, gone/away.yaml]\nlists: {a: {file: words/a.txt}}\nwrong: 1\n")},
		"rules/x.yaml":   {Data: []byte("rules: [{repyl: 1}]\n")},
		"rules/y.yaml":   {Data: []byte("rules: [\n")},
		"words/a.txt":    {Data: []byte("hi\n")},
		"not/ours.yaml":  {Data: []byte("version: 1\n")},
		"rules/_note.md": {Data: []byte("no")},
	}
	got := FilesOf(fsys, "bot.yaml")
	if want := []string{"bot.yaml", "rules/x.yaml", "rules/y.yaml"}; !slices.Equal(got.YAML, want) {
		t.Errorf("YAML files %q, want %q", got.YAML, want)
	}
	if want := []string{"words/a.txt"}; !slices.Equal(got.Lists, want) {
		t.Errorf("lists %q, want %q", got.Lists, want)
	}
	if want := []string{".", "rules", "words"}; !slices.Equal(got.Folders(), want) {
		t.Errorf("folders %q, want %q", got.Folders(), want)
	}
}
