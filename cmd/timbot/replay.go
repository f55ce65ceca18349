package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/control"
	"github.com/timbot-go/timbot/bot/journal/sqlite"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/rulestest"
	"github.com/timbot-go/timbot/sdkconn"
)

// readJournal opens the journal of the bot that path names for reading, whether the bot runs or not. The caller calls done.
func (w *whose) readJournal(ctx context.Context, path string) (in *bot.Inspector, done func() error, err error) {
	dir, err := w.folder(path)
	if err != nil {
		return nil, nil, err
	}
	file := filepath.Join(dir, journalFile)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, &noJournalError{file}
	}
	j, err := sqlite.Open(ctx, file, sqlite.Config{ReadOnly: true})
	if err != nil {
		return nil, nil, err
	}
	return bot.NewInspector(j, actions.NewRegistry(actions.Builtin()...), clockwork.NewRealClock()), j.Close, nil
}

// trafficFrom says where recorded traffic comes from.
type trafficFrom struct {
	of            whose
	since, warmUp string
	file, history string
	journal       bool
	limit         int
}

func (f *trafficFrom) flags(cmd *cobra.Command) {
	f.of.flags(cmd)
	cmd.Flags().StringVar(&f.since, "since", "", "only what came since then: 7d, 24h, 2026-10-10; all that there is unless given")
	cmd.Flags().StringVar(&f.warmUp, "warm-up", "24h", "how much from before goes through the rules first, to fill counts and dialogues")
	cmd.Flags().StringVar(&f.file, "from", "", "take the traffic from a file of timbot record")
	cmd.Flags().BoolVar(&f.journal, "journal", false, "take the traffic from the bot's journal")
	cmd.Flags().IntVar(&f.limit, "limit", rulestest.MaxTraffic, "how many events at most, the newest")
	cmd.MarkFlagsMutuallyExclusive("from", "journal")
}

// read reads the traffic; since is when it begins to count, the zero time for all of it.
func (f *trafficFrom) read(cmd *cobra.Command, path string) (list []*bot.Traffic, since time.Time, err error) {
	if since, err = momentOf("--since", f.since); err != nil {
		return nil, since, &usageError{cmd, err.Error()}
	}
	if f.limit < 1 {
		return nil, since, &usageError{cmd, "--limit must be at least 1"}
	}
	from := since
	if !since.IsZero() {
		before, err := momentOf("--warm-up", f.warmUp)
		if err != nil {
			return nil, since, &usageError{cmd, err.Error()}
		}
		from = since.Add(-time.Since(before))
	}
	cut := false
	switch {
	case f.file != "":
		if list, err = readTraffic(f.file); err != nil {
			return nil, since, err
		}
		list = slices.DeleteFunc(list, func(t *bot.Traffic) bool { return t.At.Before(from) && t.Decided.Before(from) })
		if cut = len(list) > f.limit; cut {
			list = list[len(list)-f.limit:]
		}
	case f.history != "":
		list, err = f.readHistory(cmd.Context(), cmd, path, from)
	default:
		in, done, err := f.of.readJournal(cmd.Context(), path)
		if err != nil {
			return nil, since, err
		}
		list, cut, err = rulestest.JournalTraffic(cmd.Context(), in, from, f.limit)
		if err = errors.Join(err, done()); err != nil {
			return nil, since, err
		}
	}
	if cut {
		fmt.Fprintf(cmd.ErrOrStderr(), "timbot: only the newest %d events are taken: --limit\n", f.limit)
	}
	return list, since, err
}

func readTraffic(path string) ([]*bot.Traffic, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	_, list, err := rulestest.ReadTraffic(file, path)
	return list, errors.Join(err, file.Close())
}

// readHistory asks the running bot for a conversation's history, or the connection of one that is down.
func (f *trafficFrom) readHistory(
	ctx context.Context, cmd *cobra.Command, path string, since time.Time,
) (list []*bot.Traffic, err error) {
	conv, err := sdkconn.ParseConversation(f.history)
	if err != nil {
		return nil, &usageError{cmd, "--history: " + err.Error() + ": want group_ID or c2c_USER"}
	}
	dir, err := f.of.folder(path)
	if err != nil {
		return nil, err
	}
	client, err := control.Dial(ctx, dir)
	if err == nil {
		return client.History(ctx, conv, since, f.limit)
	}
	if !errors.Is(err, bot.ErrNotRunning) {
		return nil, err
	}
	l, err := load(cmd, path)
	if err != nil {
		return nil, err
	}
	conn, err := sdkconn.Open(ctx, l.set.Bot.Connection, sdkconn.Config{Dir: l.files.Dir})
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return bot.History(ctx, conn, clockwork.NewRealClock(), conv, since, f.limit)
}

// comparing is two sets of rules and how what they make of traffic is told.
type comparing struct {
	from    trafficFrom
	html    string
	asJSON  bool
	samples int
}

func (c *comparing) flags(cmd *cobra.Command) {
	c.from.flags(cmd)
	cmd.Flags().StringVar(&c.html, "html", "", "write a page with all differences to this file")
	cmd.Flags().IntVar(&c.samples, "samples", rulestest.ReportSamples, "how many messages of each kind are shown; -1: all")
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "print a JSON object")
}

// compare sends the traffic through both sets, and tells.
func (c *comparing) compare(
	cmd *cobra.Command, before, after *rulestest.RuleSet, registry *actions.Registry,
) (*rulestest.Comparison, error) {
	list, since, err := c.from.read(cmd, before.Path)
	if err != nil {
		return nil, err
	}
	replay := &rulestest.Replay{
		Registry: registry, Old: before.Set, New: after.Set, Dir: after.Dir, Traffic: list, Since: since,
	}
	found, err := replay.Run(cmd.Context())
	if err != nil {
		return nil, err
	}
	if c.html != "" {
		var page bytes.Buffer
		if err := found.HTML(&page, before.Path+" → "+after.Path, time.Local); err != nil {
			return nil, err
		}
		if err := os.WriteFile(c.html, page.Bytes(), 0o600); err != nil {
			return nil, err
		}
	}
	if c.asJSON {
		return found, printJSON(cmd, found)
	}
	return found, found.Write(cmd.OutOrStdout(), c.samples, time.Local)
}

// loadSets reads the old rules and the new ones. Mistakes are told on standard error, all of them.
func loadSets(cmd *cobra.Command, old, now string) (before, after *rulestest.RuleSet, registry *actions.Registry, err error) {
	registry = actions.NewRegistry(actions.Builtin()...)
	if before, err = rulestest.LoadRules(old, registry, nil, nil); err == nil {
		after, err = rulestest.LoadRules(now, registry, before, nil)
	}
	return before, after, registry, toldMistakes(cmd, err)
}

// toldMistakes tells the mistakes of files on standard error, if that is what err is.
func toldMistakes(cmd *cobra.Command, err error) error {
	var found rules.Errors
	if !errors.As(err, &found) {
		return err
	}
	fmt.Fprint(cmd.ErrOrStderr(), found.Render())
	return shown{err}
}

func newReplayCommand() *cobra.Command {
	var (
		c   comparing
		now string
	)
	cmd := &cobra.Command{
		Use:   "replay BOT --rules NEW",
		Short: "Tell what changed rules would have made of recorded traffic",
		Long: "Tell what changed rules would have made of the messages that a bot got: what fires that did not, what does not\n" +
			"that did, what is said or done otherwise. Both sets of rules run as in a bot, with their counts, limits and\n" +
			"dialogues, in the time of the messages; nothing is sent, and web servers and plugins answer what they answered\n" +
			"then, if that is known. The bot may be running or not.\n\n" +
			"NEW is a bot's file or folder, or rules alone, which get the bot section of BOT. The traffic comes from BOT's\n" +
			"journal, from a file of timbot record (--from), or from what was said in a conversation (--history).",
		Example: "  timbot replay examples/bots/moderation --since 7d --rules ./new --html replay.html",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if now == "" {
				return &usageError{cmd, "missing flag: --rules, the changed rules"}
			}
			before, after, registry, err := loadSets(cmd, args[0], now)
			if err != nil {
				return err
			}
			_, err = c.compare(cmd, before, after, registry)
			return err
		},
	}
	c.flags(cmd)
	cmd.Flags().StringVar(&now, "rules", "", "the changed rules")
	cmd.Flags().StringVar(&c.from.history, "history", "", "take the traffic from a conversation's history: group_ID or c2c_USER")
	cmd.MarkFlagsMutuallyExclusive("history", "from")
	cmd.MarkFlagsMutuallyExclusive("history", "journal")
	return cmd
}

func newDiffCommand() *cobra.Command {
	var (
		c             comparing
		revokes, most int
	)
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Tell how rules differ, and check what that would have done",
		Long: "Tell which rules and lists of NEW are others than in OLD, whatever the files look like. With recorded traffic\n" +
			"(--since, --from or --journal) tell what the difference would have done, as timbot replay does, and check it: the\n" +
			"exit code is 1 when more messages are newly revoked than --max-new-revokes, or when rules newly fire on more\n" +
			"messages than --max-new.",
		Example: "  timbot diff examples/bots/moderation ./new --since 7d --max-new-revokes 10",
		Args:    wantArgs(2, 2, "OLD and NEW"),
		RunE: func(cmd *cobra.Command, args []string) error {
			flags := cmd.Flags()
			traffic := c.from.file != "" || c.from.journal || flags.Changed("since")
			for _, name := range []string{"max-new-revokes", "max-new", "html"} {
				if flags.Changed(name) && !traffic {
					return &usageError{cmd, "--" + name + " needs traffic: give --since, --from or --journal"}
				}
			}
			before, after, registry, err := loadSets(cmd, args[0], args[1])
			if err != nil {
				return err
			}
			if !traffic {
				d, err := rulestest.DiffRules(before.Set, after.Set)
				if err != nil {
					return err
				}
				if c.asJSON {
					return printJSON(cmd, d)
				}
				return d.Write(cmd.OutOrStdout())
			}
			found, err := c.compare(cmd, before, after, registry)
			if err != nil {
				return err
			}
			var over []error
			if n := found.Counts[rulestest.DiffRevoked]; flags.Changed("max-new-revokes") && n > revokes {
				over = append(over, fmt.Errorf("%s newly revoked, and at most %d may be", counted(n, "message"), revokes))
			}
			if n := found.Newly(); flags.Changed("max-new") && n > most {
				over = append(over, fmt.Errorf("rules newly fire on %s, and on at most %d they may", counted(n, "event"), most))
			}
			if len(over) > 0 {
				return finding{errors.Join(over...)}
			}
			return nil
		},
	}
	c.flags(cmd)
	cmd.Flags().IntVar(&revokes, "max-new-revokes", 0, "how many messages may be newly revoked")
	cmd.Flags().IntVar(&most, "max-new", 0, "on how many events rules may newly fire")
	return cmd
}
