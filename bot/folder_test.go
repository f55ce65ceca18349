package bot_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/bot"
)

func TestFolderIsHeldOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", ".timbot")
	f, err := bot.OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	if f.Path() != path {
		t.Errorf("path %q", f.Path())
	}
	if ignore, err := os.ReadFile(filepath.Join(path, ".gitignore")); err != nil || string(ignore) != "*\n" {
		t.Errorf(".gitignore: %q, %v", ignore, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder's mode is %v, %v; want its owner's only", info.Mode(), err)
	}
	_, err = bot.OpenFolder(path)
	if !errors.Is(err, bot.ErrFolderInUse) || !strings.Contains(err.Error(), "pid "+strconv.Itoa(os.Getpid())) {
		t.Errorf("second hold: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := bot.OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestFolderThatIsThereIsLeftAlone(t *testing.T) {
	path := t.TempDir()
	f, err := bot.OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := os.Stat(filepath.Join(path, ".gitignore")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a .gitignore in somebody's own folder: %v", err)
	}
}

func TestFolderThatIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := bot.OpenFolder(path); err == nil || !strings.Contains(err.Error(), "no folder") {
		t.Errorf("got %v", err)
	}
}

func TestDataDirLiesBesideTheFile(t *testing.T) {
	files := bot.Files{Dir: filepath.Join("bots", "hello"), Name: "bot.yaml"}
	if got, want := files.DataDir(), filepath.Join("bots", "hello", ".timbot"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
