package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rulestest"
)

// recordAhead is how many events of a running bot may wait to be written. More are left out, as the bot waits for nobody.
const recordAhead = 4096

func newRecordCommand() *cobra.Command {
	var (
		of         whose
		since, out string
		limit      int
		follow     bool
		mask       rulestest.Masking
	)
	cmd := &cobra.Command{
		Use:   "record BOT --out FILE",
		Short: "Keep a bot's traffic in a file, to replay it",
		Long: "Write what a bot was handed to a file, for timbot replay and diff: JSON, one event a line, with the facts that\n" +
			"its rules had and what web servers and plugins answered. The bot may be running or not; --follow goes on with\n" +
			"what a running bot gets until it is stopped.\n\n" +
			"The file tells what people wrote, since rules are about that: only its owner may read it. --redact puts stars in\n" +
			"the place of numbers, --anonymous gives people pseudonyms and leaves their names and pictures out, --no-text\n" +
			"leaves out what was said.",
		Example: "  timbot record examples/bots/moderation --since 7d --redact phone,id_card --anonymous --out week.jsonl",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if out == "" {
				return &usageError{cmd, "missing flag: --out, the file to write"}
			}
			from, err := momentOf("--since", since)
			if err != nil {
				return &usageError{cmd, err.Error()}
			}
			in, done, err := of.readJournal(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, done()) }()
			file, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, file.Close()) }()
			buffer := bufio.NewWriter(file)
			w, err := rulestest.NewTrafficWriter(buffer, mask, time.Now())
			if err != nil {
				return errors.Join(&usageError{cmd, "--redact: " + err.Error()}, os.Remove(out))
			}
			r := &recording{in: in, w: w, buffer: buffer, told: make(map[string]bool)}
			if follow {
				err = r.follow(cmd, &of, args[0], from, limit)
			} else {
				err = r.past(cmd.Context(), from, limit)
			}
			if err = errors.Join(err, buffer.Flush()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s written to %s\n", counted(r.n, "event"), out)
			if context.Cause(cmd.Context()) == errInterrupted {
				return errStopped
			}
			return nil
		},
	}
	of.flags(cmd)
	cmd.Flags().StringVar(&out, "out", "", "the file to write; it must not be there yet")
	cmd.Flags().StringVar(&since, "since", "", "only what came since then: 7d, 24h, 2026-10-10; all that there is unless given")
	cmd.Flags().IntVar(&limit, "limit", rulestest.MaxTraffic, "how many of the past at most, the newest")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on with what the running bot gets")
	cmd.Flags().StringSliceVar(&mask.Redact, "redact", nil, "put stars in the place of: phone, id_card, bank_card, email")
	cmd.Flags().BoolVar(&mask.Anonymous, "anonymous", false, "pseudonyms in the place of user ids; no names, no pictures")
	cmd.Flags().BoolVar(&mask.NoText, "no-text", false, "leave out what was said")
	return cmd
}

// recording writes traffic to a file.
type recording struct {
	in     *bot.Inspector
	w      *rulestest.TrafficWriter
	buffer *bufio.Writer
	n      int
	told   map[string]bool // keys that are written and may come again
}

func (r *recording) write(t *bot.Traffic) error {
	r.n++
	return r.w.Write(t)
}

// past writes what the journal holds.
func (r *recording) past(ctx context.Context, since time.Time, limit int) error {
	list, _, err := rulestest.JournalTraffic(ctx, r.in, since, limit)
	for _, t := range list {
		if err != nil {
			break
		}
		r.told[t.Key] = true
		err = r.write(t)
	}
	return err
}

// follow writes the past and then what a running bot gets, until it or the command is stopped.
func (r *recording) follow(cmd *cobra.Command, of *whose, path string, since time.Time, limit int) error {
	client, err := of.client(cmd.Context(), path)
	if err != nil {
		return fmt.Errorf("--follow: %w", err)
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	keys := make(chan *bot.Summary, recordAhead)
	var ended error
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel()
	following.Go(func() {
		defer close(keys)
		ended = client.Follow(ctx, bot.TraceFilter{}, func(s *bot.Summary) error {
			select {
			case keys <- s:
			case <-ctx.Done():
			}
			return ctx.Err()
		})
	})
	if err := r.past(ctx, since, limit); err != nil {
		return err
	}
	if err := r.buffer.Flush(); err != nil {
		return err
	}
	for s := range keys {
		key, open := s.Event.Key, s.State == bot.StateOpen || s.State == bot.StateWaiting
		if r.told[key] {
			if !open {
				delete(r.told, key)
			}
			continue
		}
		if open { // it is told again when it is over
			r.told[key] = true
		}
		t, err := r.in.TrafficOf(ctx, key)
		if err == nil {
			err = errors.Join(r.write(t), r.buffer.Flush())
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	if context.Cause(cmd.Context()) == errInterrupted || errors.Is(ended, bot.ErrNotRunning) {
		return nil
	}
	return ended
}
