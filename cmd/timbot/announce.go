package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
)

// announcePage is how many announcements or targets are asked for at once.
const announcePage = 500

func newAnnounceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "announce",
		Short: "Send one message to many, and look after it",
		Long: "Send one message to many users and groups, and look after it. Each announcement has a key: the same key\n" +
			"never reaches the same target twice, whoever asks again. What became of each target is in the bot's\n" +
			"journal, so that an announcement goes on after a crash, and can be reported, retried and recalled.\n\n" +
			"A running bot does the work. Without one, send, retry and recall take the bot's data folder and do it\n" +
			"themselves, to the end; pause, resume and cancel are written down for when the bot runs next.",
		Example: "  timbot announce send examples/bots/announce --to customers.csv --text '${{ row.name }}，您好！' --dry-run",
		Args:    noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAnnounceSendCommand(), newAnnounceListCommand(), newAnnounceStatusCommand(), newAnnounceReportCommand(),
		newAnnounceSteerCommand(bot.AnnouncePause, "Let an announcement stand still"),
		newAnnounceSteerCommand(bot.AnnounceResume, "Let an announcement go on that was paused or cancelled"),
		newAnnounceSteerCommand(bot.AnnounceCancel, "End an announcement: what was not sent is skipped"),
		newAnnounceWorkCommand(bot.AnnounceRetry, "Try the targets of an announcement again that failed",
			"Try the targets of an announcement again that failed, and no others. A target of which nobody knows whether it\n"+
				"has the message is asked for first."),
		newAnnounceWorkCommand(bot.AnnounceRecall, "Revoke the copies of an announcement",
			"Revoke each copy of an announcement that can be revoked; the service lets that for two minutes unless the app's\n"+
				"settings say otherwise. What could not be revoked is in the report. What was not sent yet is not sent."))
	return cmd
}

func newAnnounceListCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:     "list BOT",
		Short:   "List the announcements, the newest first",
		Example: "  timbot announce list examples/bots/announce",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return of.at(cmd, args[0], false, func(d *desk) error {
				for before := ""; ; {
					page, err := d.Announcements(cmd.Context(), before, announcePage)
					if err != nil || len(page) == 0 {
						return err
					}
					for i := range page {
						a := &page[i]
						before = a.Key
						if asJSON {
							err = printJSON(cmd, a)
						} else {
							_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  %s\n", dateTime(a.Made), clean(a.Key), tellCounts(a))
						}
						if err != nil {
							return err
						}
					}
				}
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each")
	return cmd
}

// tellCounts is how an announcement stands, in one line.
func tellCounts(a *bot.Announcement) string {
	s := fmt.Sprintf("%s: %d of %d sent", stateOf(a), a.Sent, a.Total)
	for _, part := range []struct {
		n    int
		what string
	}{
		{a.Failed, "failed"}, {a.Skipped, "skipped"}, {int(a.Queued), "queued"}, {a.Held, "held"}, {a.Revoked, "revoked"},
		{a.Kept, "not revoked"},
	} {
		if part.n > 0 {
			s += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	return s
}

func stateOf(a *bot.Announcement) string {
	switch {
	case a.Loading && a.State == bot.AnnounceRunning:
		return "reading its targets"
	case a.Held > 0 && a.State == bot.AnnounceRunning && a.Queued > 0:
		return "held until " + dateTime(a.HeldUntil)
	}
	return strings.ReplaceAll(string(a.State), "_", " ")
}

func newAnnounceStatusCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:     "status BOT KEY",
		Short:   "Tell how an announcement stands",
		Example: "  timbot announce status examples/bots/announce spring",
		Args:    wantArgs(2, 2, "BOT KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return of.at(cmd, args[0], false, func(d *desk) error {
				a, err := d.Announcement(cmd.Context(), args[1])
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd, a)
				}
				tellAnnouncement(cmd.OutOrStdout(), &a)
				return nil
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

func tellAnnouncement(w io.Writer, a *bot.Announcement) {
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintln(w, column(name, 8)+clean(text))
		}
	}
	row("key", a.Key)
	state := stateOf(a)
	if a.Reason != "" {
		state += ": " + a.Reason
	}
	row("state", state)
	made := dateTime(a.Made)
	if a.By != "" {
		made += " by " + a.By
	}
	if a.Requests > 1 {
		made += fmt.Sprintf("; asked for %d times", a.Requests)
	}
	row("made", made)
	for _, at := range []struct {
		name string
		time time.Time
	}{{"began", a.Began}, {"ended", a.Ended}} {
		if !at.time.IsZero() {
			row(at.name, dateTime(at.time))
		}
	}
	row("pace", a.Pace)
	if a.Text != "" {
		row("text", quoted(a.Text, 100))
	}
	row("targets", strconv.FormatUint(a.Total, 10))
	for _, part := range []struct {
		n    int
		what string
	}{
		{a.Sent, "sent"}, {a.Failed, "failed"}, {a.Skipped, "skipped"}, {int(a.Queued), "queued"}, {a.Held, "held"},
		{a.Revoked, "revoked"}, {a.Kept, "kept"},
	} {
		if part.n > 0 || part.what == "sent" {
			row(part.what, strconv.Itoa(part.n))
		}
	}
}

func newAnnounceReportCommand() *cobra.Command {
	var (
		of     whose
		file   string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "report BOT KEY",
		Short: "Tell what became of each target",
		Long: "Tell what became of each target of an announcement, as CSV: its place, the conversation, the state (queued,\n" +
			"sent, failed, skipped, revoked), when that was, the message's id, and why it failed or was not revoked.",
		Example: "  timbot announce report examples/bots/announce spring --csv spring.csv",
		Args:    wantArgs(2, 2, "BOT KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return of.at(cmd, args[0], false, func(d *desk) error {
				if asJSON {
					return eachTarget(cmd.Context(), d.asked, args[1], func(t *bot.AnnouncedTarget) error { return printJSON(cmd, t) })
				}
				return writeReport(cmd.Context(), cmd.OutOrStdout(), d.asked, args[1], file)
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().StringVar(&file, "csv", "-", "the file to write, - for standard output")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each target instead")
	return cmd
}

// ledger is where targets are looked up.
type ledger interface {
	AnnouncedTargets(ctx context.Context, key string, after uint64, limit int) ([]bot.AnnouncedTarget, error)
}

func eachTarget(ctx context.Context, l ledger, key string, f func(*bot.AnnouncedTarget) error) error {
	for after := uint64(0); ; {
		page, err := l.AnnouncedTargets(ctx, key, after, announcePage)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if err := f(&page[i]); err != nil {
				return err
			}
		}
		after = page[len(page)-1].N
	}
}

// writeReport writes what became of each target as CSV, a page at a time.
func writeReport(ctx context.Context, stdout io.Writer, l ledger, key, file string) (err error) {
	w := stdout
	if file != "-" {
		f, e := os.Create(file)
		if e != nil {
			return e
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		w = f
	}
	buffered := bufio.NewWriter(w)
	out := csv.NewWriter(buffered)
	if err := out.Write([]string{"n", "to", "state", "at", "msg_id", "code", "error"}); err != nil {
		return err
	}
	err = eachTarget(ctx, l, key, func(t *bot.AnnouncedTarget) error {
		at := ""
		if !t.At.IsZero() {
			at = t.At.Format(time.RFC3339)
		}
		return out.Write([]string{strconv.FormatUint(t.N, 10), t.To, t.State, at, t.MsgID, t.Code, t.Error})
	})
	out.Flush()
	return errors.Join(err, out.Error(), buffered.Flush())
}

func newAnnounceSteerCommand(verb bot.AnnounceVerb, short string) *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:     string(verb) + " BOT KEY",
		Short:   short,
		Example: "  timbot announce " + string(verb) + " examples/bots/announce spring",
		Args:    wantArgs(2, 2, "BOT KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return of.at(cmd, args[0], true, func(d *desk) error {
				a, err := d.SteerAnnouncement(cmd.Context(), args[1], verb)
				if err != nil {
					return err
				}
				return tellSteered(cmd, &a, asJSON)
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

func tellSteered(cmd *cobra.Command, a *bot.Announcement, asJSON bool) error {
	if asJSON {
		return printJSON(cmd, a)
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), clean(a.Key)+"  "+tellCounts(a))
	return err
}

// newAnnounceWorkCommand makes the command of something that needs the connection.
func newAnnounceWorkCommand(verb bot.AnnounceVerb, short, long string) *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use: string(verb) + " BOT KEY", Short: short, Long: long,
		Example: "  timbot announce " + string(verb) + " examples/bots/announce spring",
		Args:    wantArgs(2, 2, "BOT KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openSender(cmd, args[0], &of)
			if err != nil {
				return err
			}
			a, err := s.SteerAnnouncement(cmd.Context(), args[1], verb)
			if err == nil {
				a, err = s.finish(cmd, a)
			}
			if err == nil {
				err = tellSteered(cmd, &a, asJSON)
			}
			if err == nil && (a.Kept > 0 || verb == bot.AnnounceRetry && a.Failed > 0) {
				err = errFindings
			}
			if errors.As(err, new(*bot.NotFoundError)) || errors.Is(err, bot.ErrNoAnnouncement) {
				err = finding{err}
			}
			return errors.Join(err, s.close())
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}
