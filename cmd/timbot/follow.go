package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/jonboulle/clockwork"
	"golang.org/x/term"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
)

const (
	// filesRest is how long the files must be left alone before they are read: an editor writes, renames and removes.
	filesRest = 200 * time.Millisecond

	// followAtLeast is how long files that never rest are waited for.
	followAtLeast = 2 * time.Second
)

// follower lets a bot go on by its files when they change. All but ask belongs to one goroutine.
type follower struct {
	bot    *bot.Bot
	loaded *loaded
	clock  clockwork.Clock
	log    *slog.Logger

	asked   chan struct{}     // somebody wants the files to be read at once
	watcher *fsnotify.Watcher // nil: nobody looks at the files
	files   rules.Files
	failure string // what was told last, so that it is told once
}

// follow looks at a bot's files, unless noWatch, and takes SIGHUP, until the caller calls stop.
func follow(ctx context.Context, b *bot.Bot, l *loaded, noWatch bool, log *slog.Logger) (stop func()) {
	f := &follower{
		bot: b, loaded: l, clock: clockwork.NewRealClock(), log: log, asked: make(chan struct{}, 1),
	}
	if !noWatch {
		var err error
		if f.watcher, err = fsnotify.NewWatcher(); err != nil {
			log.Warn("changes of the bot's files are not followed: use timbot reload", "err", err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	following.Go(func() { f.run(ctx) })
	sits := term.IsTerminal(int(os.Stdin.Fd()))
	forget := onHangup(ctx, func() bool {
		if sits && !term.IsTerminal(int(os.Stdin.Fd())) {
			return false // the terminal is gone, and with it who started the bot
		}
		f.ask()
		return true
	})
	return func() {
		forget()
		cancel()
		following.Wait()
	}
}

// ask wants the files to be read now. It does not wait.
func (f *follower) ask() {
	select {
	case f.asked <- struct{}{}:
	default:
	}
}

func (f *follower) run(ctx context.Context) {
	var events chan fsnotify.Event
	var failures chan error
	if f.watcher != nil {
		defer f.watcher.Close()
		events, failures = f.watcher.Events, f.watcher.Errors
		f.watch()
		f.reload(ctx, false) // what was written between the start and now
	}
	rest := &rest{clock: f.clock}
	for {
		select {
		case e := <-events:
			if f.concerns(e) {
				rest.touched()
			}
		case err := <-failures: // some changes were missed
			f.log.Warn("following the bot's files", "err", err)
			rest.touched()
		case <-rest.due:
			rest.over()
			f.watch()
			f.reload(ctx, false)
		case <-f.asked:
			rest.over()
			f.reload(ctx, true)
		case <-ctx.Done():
			return
		}
	}
}

// watch looks at the folders of the bot's files. Folders, because an editor puts a new file in the place of the old one, and
// because an include may name a file that is not there yet.
func (f *follower) watch() {
	if f.watcher == nil {
		return
	}
	f.files = rules.FilesOf(f.loaded.files.FS(), f.loaded.files.Name)
	var want []string
	for _, dir := range f.files.Folders() {
		want = append(want, filepath.Clean(fileName(f.loaded.files, dir)))
	}
	watchFolders(f.watcher, want, func(dir string, err error) {
		f.log.Warn("changes of a folder are not followed", "folder", dir, "err", err)
	})
}

// watchFolders lets a watcher look at these folders and no others. failed is told of those that cannot be looked at.
func watchFolders(w *fsnotify.Watcher, want []string, failed func(dir string, err error)) {
	for _, dir := range w.WatchList() {
		if !slices.Contains(want, dir) {
			w.Remove(dir) // fails when the folder is gone, which is as well
		}
	}
	for _, dir := range want {
		// A folder that was removed and made again is another one: adding what is watched already does no harm.
		if err := w.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed(dir, err)
		}
	}
}

// rest tells when files that are changed have been left alone for a while.
type rest struct {
	clock  clockwork.Clock
	due    <-chan time.Time // nil: nothing was changed
	latest time.Time        // files that never rest are read then
}

// touched begins the while anew.
func (r *rest) touched() {
	now := r.clock.Now()
	if r.due == nil {
		r.latest = now.Add(followAtLeast)
	}
	r.due = r.clock.After(max(0, min(filesRest, r.latest.Sub(now))))
}

// over is called when the files are read.
func (r *rest) over() { r.due = nil }

// concerns reports whether an event can mean other rules. What else lies in the folders, such as a chat file, changes often.
func (f *follower) concerns(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod {
		return false
	}
	switch filepath.Ext(e.Name) {
	case ".yaml", ".yml":
		return true
	}
	if rel, err := filepath.Rel(f.loaded.files.Dir, e.Name); err == nil {
		rel = filepath.ToSlash(rel)
		if slices.Contains(f.files.YAML, rel) || slices.Contains(f.files.Lists, rel) || slices.Contains(f.files.Folders(), rel) {
			return true
		}
	}
	if e.Has(fsnotify.Write) {
		return false
	}
	info, err := os.Lstat(e.Name) // a mounted folder is changed by turning a link
	return err == nil && (info.IsDir() || info.Mode()&fs.ModeSymlink != 0)
}

// reload reads the files and lets the bot go on by them. A mistake is told once; asked says that somebody waits for an answer
// in the log.
func (f *follower) reload(ctx context.Context, asked bool) {
	set, err := f.loaded.files.Load(f.loaded.registry)
	if err == nil {
		if set.Hash() == f.bot.RuleSet() && !asked {
			f.failure = "" // put back to what is at work
			return
		}
		if err = f.bot.Reload(set); err == nil {
			f.failure = ""
			for _, w := range set.Warnings() {
				f.log.Info("lint", "id", w.ID, "warning", w.Error.Error())
			}
			return
		}
	}
	var found rules.Errors
	if errors.As(err, &found) {
		if named, _ := mistakes(f.loaded.files, err); named != nil {
			err = named
		}
	}
	if err.Error() == f.failure && !asked {
		return
	}
	f.failure = err.Error()
	f.bot.NotReloaded(ctx, err)
}
