package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/rulestest"
	"github.com/timbot-go/timbot/sdkconn"
)

func newRunCommand() *cobra.Command {
	var (
		dataDir string
		grace   time.Duration
		logs    logging
		watch   watching
		noWatch bool
		hooks   string
	)
	cmd := &cobra.Command{
		Use:   "run BOT",
		Short: "Run a bot as a service",
		Long: "Run a bot as a service on the connection that its file names, until SIGINT or SIGTERM. What the bot was\n" +
			"handed by then is finished within the grace period; a second signal ends it at once.\n\n" +
			"The data folder belongs to one process; a second one is refused. What must survive is kept there, in\n" +
			"journal.db: a bot that comes back, after a crash too, goes on where it stood. While it runs, timbot status,\n" +
			"why, trace, dead, handoff, approvals and reload ask and steer it.\n\n" +
			"When its files change, or on SIGHUP, the bot goes on by them from the next event on. Mistakes in them are told\n" +
			"in the log and in bot.ops_group, and the bot goes on by the rules that it has.",
		Example: "  timbot run examples/bots/hello",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			log, err := logs.logger(cmd.ErrOrStderr())
			if err != nil {
				return &usageError{cmd, err.Error()}
			}
			l, err := load(cmd, args[0])
			if err != nil {
				return err
			}
			if dataDir == "" {
				dataDir = l.files.DataDir()
			}
			err = serve(cmd.Context(), l, dataDir, grace, watch, hooks, noWatch, log)
			if context.Cause(cmd.Context()) == errInterrupted && err == nil {
				return errStopped
			}
			return err
		},
	}
	cmd.Flags().StringVar(&dataDir, "data", "", "the data folder (default .timbot beside the bot's file)")
	cmd.Flags().DurationVar(&grace, "grace", bot.DefaultGrace, "how long a stop waits for what is being done")
	cmd.Flags().StringVar(&logs.format, "log-format", "text", "text or json")
	cmd.Flags().BoolVar(&noWatch, "no-watch", false, "do not follow changes of the bot's files; SIGHUP and timbot reload still do")
	cmd.Flags().StringVar(&hooks, "webhooks", "", "take calls of webhooks at this address (default bot.webhooks.listen)")
	logs.flags(cmd.Flags(), "info")
	watch.flags(cmd)
	return cmd
}

// manyRules is from how many on the memory that loading took is worth giving back.
const manyRules = 500

// serve runs a bot until ctx ends.
func serve(
	ctx context.Context, l *loaded, dataDir string, grace time.Duration, watch watching, hooks string, noWatch bool,
	log *slog.Logger,
) (err error) {
	var freed sync.WaitGroup
	defer freed.Wait()
	if len(l.set.Rules) >= manyRules { // beside what follows, which mostly waits for files
		freed.Go(debug.FreeOSMemory)
	}
	folder, err := bot.OpenFolder(dataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	if path, ok := chatFile(l.set.Bot.Connection, l.files.Dir); ok {
		if err := bot.MakeFolder(filepath.Dir(path)); err != nil {
			return fmt.Errorf("connect: the chat file's folder: %w", err)
		}
	}
	conn, err := sdkconn.Open(ctx, l.set.Bot.Connection, sdkconn.Config{Dir: l.files.Dir, Logger: log})
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	kept, stopArchive := keepArchive(folder.Path(), log)
	defer func() { err = errors.Join(err, stopArchive()) }()
	j, err := openJournal(ctx, folder, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	watched, err := watch.open(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, watched.close()) }()
	plugins, err := openPlugins(folder.Path(), watched.plugins(), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plugins.Close()) }()
	b, err := bot.New(conn, l.set, append(watched.options(), bot.WithPlugins(plugins), bot.WithJournal(j), bot.WithActions(l.registry), bot.WithLogger(log),
		bot.WithGrace(grace), bot.WithDir(l.files.Dir, folder.Path()), bot.WithArchive(kept),
		bot.WithTests(func(ctx context.Context, set *rules.Set) ([]string, error) {
			return rulestest.RunFor(ctx, l.files, set, l.registry, time.Now)
		}))...)
	if err != nil {
		return err
	}
	if err := watched.listen(b); err != nil {
		return err
	}
	stopHooks, err := listenForWebhooks(b, l.set, hooks, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopHooks()) }()
	stopControl := openControl(folder, b, l, plugins, log)
	defer func() { err = errors.Join(err, stopControl()) }()
	stopFollowing := follow(ctx, b, l, noWatch, log)
	defer stopFollowing()
	return b.Run(ctx)
}
