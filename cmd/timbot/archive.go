package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"
	"github.com/xhit/go-str2duration/v2"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/archive"
)

// archivePath is the archive file of a data folder.
func archivePath(dataDir string) string { return filepath.Join(dataDir, archive.FileName) }

// keepArchive opens the archive of a running bot and lets go of what is over. The caller calls stop after the bot's Run.
func keepArchive(dataDir string, log *slog.Logger) (kept *archive.Archive, stop func() error) {
	kept = archive.Open(archivePath(dataDir))
	ctx, cancel := context.WithCancel(context.Background())
	var upkeep sync.WaitGroup
	upkeep.Go(func() { kept.Upkeep(ctx, clockwork.NewRealClock(), log) })
	return kept, func() error {
		cancel()
		upkeep.Wait()
		return kept.Close()
	}
}

func newArchiveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "archive",
		Short: "Look into what a bot's archive steps kept",
		Long: "Look into what a bot's archive steps kept, in archive.db of its data folder. The bot may be running meanwhile;\n" +
			"nothing is changed.",
		Example: "  timbot archive list examples/bots/archive\n" +
			"  timbot archive query examples/bots/archive support --since 24h --contains 退款\n" +
			"  timbot archive export examples/bots/archive support --format csv --out support.csv",
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newArchiveListCommand(), newArchiveQueryCommand(), newArchiveExportCommand())
	return cmd
}

// dataFlag adds the flag that names the data folder.
func dataFlag(cmd *cobra.Command, dataDir *string) {
	cmd.Flags().StringVar(dataDir, "data", "", "the data folder (default .timbot beside the bot's file)")
}

// withArchive opens the archive of the bot that path means, for reading.
func withArchive(path, dataDir string, f func(*archive.Archive) error) error {
	files, err := bot.Find(path)
	if err != nil {
		return err
	}
	if dataDir == "" {
		dataDir = files.DataDir()
	}
	a, err := archive.OpenReader(archivePath(dataDir))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no archive in %s yet: an archive step makes it with its first record", dataDir)
	}
	if err != nil {
		return err
	}
	return errors.Join(f(a), a.Close())
}

func newArchiveListCommand() *cobra.Command {
	var (
		dataDir string
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use:     "list BOT",
		Short:   "List a bot's archives",
		Example: "  timbot archive list examples/bots/archive",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withArchive(args[0], dataDir, func(a *archive.Archive) error {
				list, err := a.List(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd, append([]archive.Summary{}, list...))
				}
				for _, s := range list {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s to %s\n", s.Archive, held(s),
						s.Oldest.Format(time.RFC3339), s.Newest.Format(time.RFC3339))
				}
				return nil
			})
		},
	}
	dataFlag(cmd, &dataDir)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON list")
	return cmd
}

// held is what an archive holds, in words.
func held(s archive.Summary) string {
	text := fmt.Sprintf("%d records", s.Records)
	if s.Records == 1 {
		text = "1 record"
	}
	if s.Tombstones > 0 {
		text += fmt.Sprintf(", %d taken back", s.Tombstones)
	}
	return text
}

// known refuses the name of an archive that is not there.
func known(ctx context.Context, a *archive.Archive, name string) error {
	list, err := a.List(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, s := range list {
		if s.Archive == name {
			return nil
		}
		names = append(names, s.Archive)
	}
	return fmt.Errorf("there is no archive %q%s", name, didYouMean(name, names))
}

func newArchiveQueryCommand() *cobra.Command {
	var (
		dataDir, since, until string
		q                     archive.Query
		asJSON                bool
	)
	cmd := &cobra.Command{
		Use:   "query BOT ARCHIVE",
		Short: "Print records of an archive, the newest first",
		Example: "  timbot archive query examples/bots/archive support --since 24h\n" +
			"  timbot archive query examples/bots/archive support --contains 退款 --json",
		Args: wantArgs(2, 2, "BOT ARCHIVE"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if q.Since, err = momentOf("--since", since); err != nil {
				return &usageError{cmd, err.Error()}
			}
			if q.Until, err = momentOf("--until", until); err != nil {
				return &usageError{cmd, err.Error()}
			}
			if q.Limit < 1 {
				return &usageError{cmd, "--limit: want at least 1"}
			}
			q.Archive = args[1]
			return withArchive(args[0], dataDir, func(a *archive.Archive) error {
				if err := known(cmd.Context(), a, q.Archive); err != nil {
					return err
				}
				found, err := a.Query(cmd.Context(), q)
				if err != nil {
					return err
				}
				for _, r := range found {
					if asJSON {
						if err := printJSON(cmd, r); err != nil {
							return err
						}
						continue
					}
					fmt.Fprintln(cmd.OutOrStdout(), recordLine(r))
				}
				return nil
			})
		},
	}
	dataFlag(cmd, &dataDir)
	cmd.Flags().StringVar(&q.Key, "key", "", "only the record with this key")
	cmd.Flags().StringVar(&since, "since", "", "only records from then on: a time, a day, or how long ago (24h, 7d)")
	cmd.Flags().StringVar(&until, "until", "", "only records from before then")
	cmd.Flags().StringVar(&q.Contains, "contains", "", "only records with a text that has this in it")
	cmd.Flags().IntVar(&q.Limit, "limit", archive.DefaultLimit, "at most so many")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each record")
	return cmd
}

func recordLine(r archive.Record) string {
	line := r.At.Format(time.RFC3339)
	if r.Key != "" {
		line += "  " + clean(r.Key)
	}
	if r.Tombstone {
		return line + "  taken back"
	}
	return line + "  " + clean(string(r.Data))
}

// momentOf reads a time as people give it: a time, a day, or how long ago.
func momentOf(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := str2duration.ParseDuration(text); err == nil && ago >= 0 {
		return time.Now().Add(-ago), nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s %q: want a time (2026-10-10T08:30), a day (2026-10-10) or how long ago (24h, 7d)", flag, text)
}

func newArchiveExportCommand() *cobra.Command {
	var dataDir, format, out string
	cmd := &cobra.Command{
		Use:   "export BOT ARCHIVE",
		Short: "Write a whole archive, the oldest record first",
		Long: "Write a whole archive as it is at this moment, the oldest record first: one JSON object a line, or CSV with the\n" +
			"columns at, key, event, rule, tombstone, and then one for every name in the records.",
		Example: "  timbot archive export examples/bots/archive support --format csv --out support.csv",
		Args:    wantArgs(2, 2, "BOT ARCHIVE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f := archive.Format(format)
			if f != archive.JSONLines && f != archive.CSV {
				return &usageError{cmd, fmt.Sprintf("--format %q: want jsonl or csv", format)}
			}
			return withArchive(args[0], dataDir, func(a *archive.Archive) (err error) {
				if err := known(cmd.Context(), a, args[1]); err != nil {
					return err
				}
				if out == "" {
					_, err := a.Export(cmd.Context(), args[1], f, cmd.OutOrStdout())
					return err
				}
				file, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
				if err != nil {
					return err
				}
				n, err := a.Export(cmd.Context(), args[1], f, file)
				if err == nil {
					err = file.Sync()
				}
				if err = errors.Join(err, file.Close()); err != nil {
					return errors.Join(err, os.Remove(out))
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "%d records written to %s\n", n, out)
				return nil
			})
		},
	}
	dataFlag(cmd, &dataDir)
	cmd.Flags().StringVar(&format, "format", string(archive.JSONLines), "jsonl or csv")
	cmd.Flags().StringVar(&out, "out", "", "a new file to write to (default standard output)")
	return cmd
}
