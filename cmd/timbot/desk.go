package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/control"
	"github.com/timbot-go/timbot/bot/journal/sqlite"
)

// journalFile is the name of the journal in the data folder.
const journalFile = "journal.db"

// openJournal opens the journal of a data folder. The caller closes it.
func openJournal(ctx context.Context, folder *bot.Folder, log *slog.Logger) (*sqlite.Journal, error) {
	return sqlite.Open(ctx, filepath.Join(folder.Path(), journalFile), sqlite.Config{Logger: log})
}

// asked is what people ask of a bot, whether it runs or not.
type asked interface {
	Why(ctx context.Context, ref string) (*bot.Story, error)
	WhyAll(ctx context.Context, ref string) (*bot.Story, error)
	Traces(ctx context.Context, f bot.TraceFilter) ([]bot.Summary, error)
	Follow(ctx context.Context, f bot.TraceFilter, tell func(*bot.Summary) error) error

	DeadLetters(ctx context.Context, after string, limit int) ([]bot.DeadLetter, error)
	DeadLetter(ctx context.Context, id string) (bot.DeadLetter, error)
	RetryDead(ctx context.Context, ids ...string) error
	DropDead(ctx context.Context, ids ...string) error

	Handoffs(ctx context.Context) ([]bot.Handoff, error)
	ResumeHandoff(ctx context.Context, conversation, by string) error
	Approvals(ctx context.Context) ([]bot.Approval, error)
	Decide(ctx context.Context, number int, approve bool, by string) error

	Announcements(ctx context.Context, before string, limit int) ([]bot.Announcement, error)
	Announcement(ctx context.Context, key string) (bot.Announcement, error)
	AnnouncedTargets(ctx context.Context, key string, after uint64, limit int) ([]bot.AnnouncedTarget, error)
	SteerAnnouncement(ctx context.Context, key string, verb bot.AnnounceVerb) (bot.Announcement, error)
}

// desk is where a bot is asked: the bot itself when it runs, or else its journal.
type desk struct {
	asked
	running   *control.Client // nil when the bot is down
	inspector *bot.Inspector  // of its journal then
	close     func() error
}

// whose names a bot on the command line, and its data folder.
type whose struct{ dataDir string }

func (w *whose) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.dataDir, "data", "", "the data folder (default .timbot beside the bot's file)")
}

// folder is the data folder of the bot that path names.
func (w *whose) folder(path string) (string, error) {
	files, err := bot.Find(path)
	if err != nil {
		return "", err
	}
	if w.dataDir != "" {
		return w.dataDir, nil
	}
	return files.DataDir(), nil
}

// open finds the bot. change says whether something in its journal is to be changed, which takes hold of the data folder
// when the bot is down. The caller closes the desk.
func (w *whose) open(ctx context.Context, path string, change bool) (*desk, error) {
	dir, err := w.folder(path)
	if err != nil {
		return nil, err
	}
	client, err := control.Dial(ctx, dir)
	if err == nil {
		return &desk{asked: client, running: client, close: func() error { return nil }}, nil
	}
	if !errors.Is(err, bot.ErrNotRunning) {
		return nil, err
	}
	file := filepath.Join(dir, journalFile)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, &noJournalError{file}
	}
	d := &desk{close: func() error { return nil }}
	if change {
		folder, err := bot.OpenFolder(dir)
		if err != nil {
			return nil, err
		}
		d.close = folder.Close
	}
	j, err := sqlite.Open(ctx, file, sqlite.Config{ReadOnly: !change})
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	closeFolder := d.close
	d.close = func() error { return errors.Join(j.Close(), closeFolder()) }
	d.inspector = bot.NewInspector(j, actions.NewRegistry(actions.Builtin()...), clockwork.NewRealClock())
	d.asked = d.inspector
	return d, nil
}

// at runs f at the desk of the bot that path names.
func (w *whose) at(cmd *cobra.Command, path string, change bool, f func(*desk) error) error {
	d, err := w.open(cmd.Context(), path, change)
	if err != nil {
		return err
	}
	err = f(d)
	if errors.As(err, new(*bot.NotFoundError)) || errors.Is(err, bot.ErrNoDeadLetter) ||
		errors.Is(err, bot.ErrNotOpen) || errors.Is(err, bot.ErrNoAnnouncement) {
		err = finding{err}
	}
	return errors.Join(err, d.close())
}

// noJournalError is what a bot that never ran has to say of its past.
type noJournalError struct{ file string }

func (e *noJournalError) Error() string {
	return "there is no journal " + e.file + " yet: start the bot first, with timbot run"
}

// client is the running bot that path names.
func (w *whose) client(ctx context.Context, path string) (*control.Client, error) {
	dir, err := w.folder(path)
	if err != nil {
		return nil, err
	}
	c, err := control.Dial(ctx, dir)
	if errors.Is(err, bot.ErrNotRunning) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, err
}

// dateTime is a time in the zone of whoever reads it.
func dateTime(t time.Time) string { return t.Local().Format(time.DateTime) }

// clockTime is a moment of today, in short.
func clockTime(t time.Time) string { return t.Local().Format(time.TimeOnly) }
