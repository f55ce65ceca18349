package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
)

func newTraceCommand() *cobra.Command {
	var (
		of                     whose
		filter                 bot.TraceFilter
		fired, quiet, failed   bool
		since                  time.Duration
		follow, asJSON, noText bool
	)
	cmd := &cobra.Command{
		Use:   "trace BOT",
		Short: "List what became of a bot's events",
		Long: "List what became of a bot's events, one line each, the newest last: when it happened, where, who, which rules\n" +
			"fired and how that ended, and the text. The id at the end is for timbot why. --follow goes on with what a\n" +
			"running bot does; an event comes again when what it waited for has come.",
		Example: "  timbot trace examples/bots/hello --failed --since 1h",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			for name, on := range map[string]bool{"fired": fired, "quiet": quiet, "failed": failed} {
				if on && filter.Only != "" {
					return &usageError{cmd, "give one of --fired, --quiet and --failed"}
				} else if on {
					filter.Only = name
				}
			}
			if filter.Limit < 0 || since < 0 {
				return &usageError{cmd, "--limit and --since cannot be negative"}
			}
			if since > 0 {
				filter.Since = time.Now().Add(-since)
			}
			tell := func(s *bot.Summary) error {
				if noText {
					s.Event.Text = ""
				}
				if asJSON {
					return printJSON(cmd, s)
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), tellSummary(s, colours(cmd.OutOrStdout())))
				return err
			}
			return of.at(cmd, args[0], false, func(d *desk) error {
				if follow {
					err := d.Follow(cmd.Context(), filter, tell)
					if context.Cause(cmd.Context()) == errInterrupted {
						return errStopped
					}
					if errors.Is(err, bot.ErrNotRunning) {
						return fmt.Errorf("--follow: %w", err)
					}
					return err
				}
				found, err := d.Traces(cmd.Context(), filter)
				for _, s := range slices.Backward(found) {
					if err == nil {
						err = tell(&s)
					}
				}
				return err
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().StringVar(&filter.In, "in", "", "only this conversation: a group, a user, or an id like group_ID")
	cmd.Flags().StringVar(&filter.From, "from", "", "only events of this user")
	cmd.Flags().StringVar(&filter.Rule, "rule", "", "only events that this rule fired on, or would have but for a limit")
	cmd.Flags().BoolVar(&fired, "fired", false, "only events that fired a rule")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "only events that fired none")
	cmd.Flags().BoolVar(&failed, "failed", false, "only events of which something failed")
	cmd.Flags().DurationVar(&since, "since", 0, "only events of the last hours, minutes, ...: 24h, 10m")
	cmd.Flags().IntVar(&filter.Limit, "limit", bot.DefaultTraces, "how many at most, the newest")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on with what the running bot does")
	cmd.Flags().BoolVar(&noText, "no-text", false, "leave out what people wrote")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each event")
	return cmd
}

// stateColours say how a state looks.
var stateColours = map[string]colour{
	bot.StateFired: green, bot.StateFailed: red, bot.StateOpen: yellow, bot.StateWaiting: yellow, bot.StateQuiet: dim,
}

// tellSummary is an event in one line.
func tellSummary(s *bot.Summary, p paint) string {
	e := &s.Event
	what := make([]string, 0, len(s.Runs)+len(s.Dropped))
	for _, r := range s.Runs {
		text := r.Rule
		switch {
		case r.Code != "":
			text += fmt.Sprintf(" (%s: %s)", r.Step, r.Code)
		case r.Wait != nil:
			text += " (" + waiting(r.Wait) + ")"
		case r.Outcome != "done":
			text += " (" + r.Outcome + ")"
		}
		what = append(what, text)
	}
	for _, d := range s.Dropped {
		what = append(what, d.Rule+" (dropped)")
	}
	if len(s.Runs) == 0 && s.Taken != "" {
		what = append(what, clean(s.Taken))
	}
	text := e.Type
	if e.Text != "" {
		text = quoted(e.Text, 40)
	}
	parts := []string{
		p.as(dim, dateTime(e.Time)), column(clean(e.Conversation), 16), column(clean(e.User), 10),
		p.as(stateColours[s.State], column(s.State, 6)), column(strings.Join(what, ", "), 20), column(text, 24),
	}
	ref := e.ID
	if ref == "" || !strings.HasPrefix(e.Type, "message.") {
		ref = e.Key
	}
	return strings.Join(append(parts, p.as(dim, clean(ref))), "  ")
}
