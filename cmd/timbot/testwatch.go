package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"
	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/rulestest"
)

// testWatch runs tests again when what they depend on changes.
type testWatch struct {
	*testRun
	args    []string
	watcher *fsnotify.Watcher
	files   map[string]rulestest.Files // by test file
	changed map[string]bool            // what was touched since the last run
}

// watch runs the tests of some files, and again those whose files change, until the command is interrupted.
func (t *testRun) watch(args, paths []string) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("--watch: %w", err)
	}
	defer watcher.Close()
	if len(args) == 0 {
		args = []string{"."}
	}
	w := &testWatch{testRun: t, args: args, watcher: watcher, files: make(map[string]rulestest.Files), changed: make(map[string]bool)}
	if err := w.again(paths); err != nil {
		return err
	}
	rest := &rest{clock: clockwork.NewRealClock()}
	for {
		select {
		case e := <-watcher.Events:
			if e.Op != fsnotify.Chmod && w.concerns(e) {
				w.changed[filepath.Clean(e.Name)] = true
				rest.touched()
			}
		case err := <-watcher.Errors: // some changes were missed
			fmt.Fprintf(t.cmd.ErrOrStderr(), "timbot: --watch: %v\n", err)
			for path := range w.files {
				w.changed[path] = true
			}
			rest.touched()
		case <-rest.due:
			rest.over()
			if err := w.again(w.affected()); err != nil {
				return err
			}
		case <-t.cmd.Context().Done():
			return errStopped
		}
	}
}

// again runs the tests of some files, which may be none, and waits for what they depend on from then on.
func (w *testWatch) again(paths []string) error {
	clear(w.changed)
	for _, path := range paths {
		w.files[path] = rulestest.FilesOf(path)
	}
	w.look() // before the tests run: what is changed meanwhile is noticed
	out := w.cmd.OutOrStdout()
	if len(paths) > 0 {
		paint := colours(out)
		if paint {
			fmt.Fprint(out, "\x1b[H\x1b[2J")
		}
		_, err := w.run(paths)
		switch {
		case w.cmd.Context().Err() != nil:
			return errStopped
		case errors.Is(err, rulestest.ErrNoTests):
			fmt.Fprintln(out, "no test matches")
		case err != nil:
			return err
		}
		fmt.Fprintln(out, paint.as(dim, "waiting for changes of "+counted(len(w.files), "test file")+"; Ctrl-C ends"))
	}
	return nil
}

// look watches the folders of all files, and those in which new tests may appear.
func (w *testWatch) look() {
	want := make(map[string]bool)
	for _, f := range w.files {
		for _, dir := range f.Folders {
			want[filepath.Clean(dir)] = true
		}
	}
	for _, arg := range w.args {
		dir, all := strings.CutSuffix(filepath.ToSlash(arg), everywhere)
		if !all {
			if info, err := os.Stat(arg); err != nil || !info.IsDir() {
				arg = filepath.Dir(arg)
			}
			want[filepath.Clean(arg)] = true
			continue
		}
		err := filepath.WalkDir(filepath.Clean(filepath.FromSlash(dir+".")), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil || !d.IsDir():
				return nil // gone meanwhile
			case len(d.Name()) > 1 && d.Name() != ".." && d.Name()[0] == '.':
				return fs.SkipDir
			}
			want[path] = true
			return nil
		})
		if err != nil {
			fmt.Fprintf(w.cmd.ErrOrStderr(), "timbot: --watch: %v\n", err)
		}
	}
	watchFolders(w.watcher, slices.Sorted(maps.Keys(want)), func(dir string, err error) {
		fmt.Fprintf(w.cmd.ErrOrStderr(), "timbot: changes of the folder %s are not noticed: %v\n", dir, err)
	})
}

// concerns reports whether an event can mean another outcome of a test.
func (w *testWatch) concerns(e fsnotify.Event) bool {
	name := filepath.Clean(e.Name)
	switch filepath.Ext(name) {
	case ".yaml", ".yml":
		return true
	case "":
		return true // perhaps a folder
	}
	for _, f := range w.files {
		if slices.Contains(f.Paths, name) {
			return true
		}
	}
	return false
}

// affected are the test files that what was changed may concern, and those that are new.
func (w *testWatch) affected() []string {
	now, err := findTests(w.args)
	if err != nil {
		fmt.Fprintf(w.cmd.ErrOrStderr(), "timbot: %v\n", err)
	}
	for path := range w.files {
		if !slices.Contains(now, path) {
			delete(w.files, path)
		}
	}
	var out []string
	for _, path := range now {
		f, known := w.files[path]
		if !known || w.touches(&f) {
			out = append(out, path)
		}
	}
	return out
}

// touches reports whether something that was changed is among a test's files, or is new and may be included from now on.
func (w *testWatch) touches(f *rulestest.Files) bool {
	for name := range w.changed {
		if slices.Contains(f.Paths, name) || w.fresh(name) && slices.Contains(f.Folders, filepath.Dir(name)) {
			return true
		}
	}
	return false
}

// fresh reports whether a file may hold rules and was none of any test's files.
func (w *testWatch) fresh(name string) bool {
	if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" || strings.HasSuffix(name, rulestest.FileSuffix) {
		return false
	}
	for _, f := range w.files {
		if slices.Contains(f.Paths, name) {
			return false
		}
	}
	return true
}
