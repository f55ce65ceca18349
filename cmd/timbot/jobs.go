package main

import (
	"context"
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // zones of schedules, also where the machine has none

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/control"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

func newJobsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "Look after schedules",
		Long: "Look after the schedules of a bot's rules. The bot may be running or not, except for run: what is paused or\n" +
			"resumed while it is down counts when it starts.",
		Example: "  timbot jobs list mybot\n  timbot jobs next mybot brief.daily --count 10 --from 2026-10-01\n" +
			"  timbot jobs run mybot brief.daily",
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newJobsListCommand(), newJobsNextCommand(), newJobsRunCommand(), newJobsPauseCommand(), newJobsResumeCommand(),
		newJobsHistoryCommand())
	return cmd
}

// downJobs answers for the schedules of a bot that is down: by its files and its journal.
type downJobs struct {
	set       *rules.Set
	inspector *bot.Inspector // nil when only the files are there
}

// newDownJobs reads the bot's files.
func newDownJobs(path string, inspector *bot.Inspector) (*downJobs, error) {
	files, err := bot.Find(path)
	if err != nil {
		return nil, err
	}
	set, err := files.Load(actions.NewRegistry(actions.Builtin()...))
	var found rules.Errors
	if errors.As(err, &found) {
		return nil, fmt.Errorf("%s has mistakes: timbot lint tells them", files.Path())
	}
	return &downJobs{set, inspector}, err
}

func (d *downJobs) Jobs(ctx context.Context) ([]bot.Job, error) {
	return d.inspector.Jobs(ctx, d.set, time.Local)
}

func (d *downJobs) UpcomingJobs(_ context.Context, rule string, from time.Time, count int) ([]bot.JobDate, error) {
	if from.IsZero() {
		from = clockwork.NewRealClock().Now()
	}
	return bot.UpcomingJobs(d.set, time.Local, rule, from, count)
}

func (d *downJobs) JobHistory(ctx context.Context, rule string, limit int) ([]bot.JobSlot, error) {
	return d.inspector.JobHistory(ctx, rule, limit)
}

func (d *downJobs) RunJob(context.Context, string) (bot.JobSlot, error) {
	return bot.JobSlot{}, fmt.Errorf("%w: start it first, with timbot run", bot.ErrNotRunning)
}

func (d *downJobs) PauseJob(ctx context.Context, rule, by string) error {
	return d.inspector.PauseJob(ctx, d.set, rule, by)
}

func (d *downJobs) ResumeJob(ctx context.Context, rule string) error {
	return d.inspector.ResumeJob(ctx, d.set, rule)
}

// jobs runs f with what answers for the schedules of the bot that path names.
func (w *whose) jobs(cmd *cobra.Command, path string, change bool, f func(control.Jobs) error) error {
	return w.at(cmd, path, change, func(d *desk) error {
		if d.running != nil {
			return f(d.running)
		}
		down, err := newDownJobs(path, d.inspector)
		if err != nil {
			return err
		}
		return f(down)
	})
}

// zoned is a time as people of its zone write it, with the day of the week.
func zoned(t time.Time) string { return t.Format("2006-01-02 Mon 15:04:05 -07:00") }

func newJobsListCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:     "list BOT",
		Short:   "List the schedules, and when each comes next",
		Example: "  timbot jobs list mybot",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			list := func(jobs control.Jobs) error {
				list, err := jobs.Jobs(cmd.Context())
				for i := range list {
					if err != nil {
						return err
					}
					if asJSON {
						err = printJSON(cmd, &list[i])
					} else {
						_, err = fmt.Fprintln(cmd.OutOrStdout(), clean(tellJob(&list[i])))
					}
				}
				return err
			}
			err := of.jobs(cmd, args[0], false, list)
			if errors.As(err, new(*noJournalError)) { // a bot that never ran has schedules too
				inspector := bot.NewInspector(journal.NewMemory(0), actions.NewRegistry(actions.Builtin()...), clockwork.NewRealClock())
				down, err := newDownJobs(args[0], inspector)
				if err != nil {
					return err
				}
				return list(down)
			}
			return err
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each")
	return cmd
}

// tellJob is a schedule in a line.
func tellJob(j *bot.Job) string {
	spec := j.Schedule
	spec.Zone = j.Zone
	line := fmt.Sprintf("%s  %s  missed %s", j.Name, spec, j.Missed)
	switch {
	case j.Paused != nil:
		line += "  paused since " + dateTime(j.Paused.Since)
		if j.Paused.By != "" {
			line += " by " + j.Paused.By
		}
	case j.Next.IsZero():
		line += "  never again"
	default:
		line += "  next " + zoned(j.Next)
	}
	if j.Shadow {
		line += "  (shadow)"
	}
	if j.Last != nil {
		line += "  last " + zoned(j.Last.Slot) + " " + j.Last.State
	}
	return line
}

func newJobsNextCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
		count  int
		from   string
	)
	cmd := &cobra.Command{
		Use:   "next BOT [RULE]",
		Short: "Tell when schedules come next, and which days are left out",
		Long: "Tell when the schedule of a rule comes next, or those of all rules, in the schedule's zone and in the one\n" +
			"of this machine, and on which days its calendar leaves it out, and why. The bot need not run.",
		Example: "  timbot jobs next mybot brief.daily --count 10 --from 2026-10-01",
		Args:    wantArgs(1, 2, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var begin time.Time
			if from != "" {
				var err error
				if begin, err = localTime(from); err != nil {
					return &usageError{cmd, "--from: " + err.Error()}
				}
				begin = begin.Add(-time.Second) // itself too
			}
			if count < 1 || count > bot.MaxJobDates {
				return &usageError{cmd, fmt.Sprintf("--count must be from 1 to %d", bot.MaxJobDates)}
			}
			rule := ""
			if len(args) == 2 {
				rule = args[1]
			}
			var jobs control.Jobs
			client, err := of.client(cmd.Context(), args[0])
			switch {
			case err == nil:
				jobs = client
			case errors.Is(err, bot.ErrNotRunning):
				if jobs, err = newDownJobs(args[0], nil); err != nil {
					return err
				}
			default:
				return err
			}
			dates, err := jobs.UpcomingJobs(cmd.Context(), rule, begin, count)
			if errors.As(err, new(*bot.NotFoundError)) {
				err = finding{err}
			}
			for i := range dates {
				if err != nil {
					return err
				}
				if asJSON {
					err = printJSON(cmd, &dates[i])
				} else {
					_, err = fmt.Fprintln(cmd.OutOrStdout(), clean(tellDate(&dates[i])))
				}
			}
			return err
		},
	}
	of.flags(cmd)
	cmd.Flags().IntVar(&count, "count", 10, "how many")
	cmd.Flags().StringVar(&from, "from", "", "from this date or time on (default now)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each")
	return cmd
}

// localTime reads a date, a time of this machine's zone, or a moment.
func localTime(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05", time.DateTime} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: write 2026-05-01, 2026-05-01T09:00 or 2026-05-01T09:00:00+08:00", text)
}

// tellDate is a slot to come in a line.
func tellDate(d *bot.JobDate) string {
	line := d.Name + "  " + zoned(d.At)
	if d.Skipped != "" {
		return line + "  skipped: " + d.Skipped
	}
	line += "  local " + zoned(d.At.Local())
	if d.Note != "" {
		line += "  (" + d.Note + ")"
	}
	return line
}

func newJobsRunCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "run BOT RULE",
		Short: "Have a rule run for its latest slot, now",
		Long: "Have a rule run for its latest slot, whether that ran or not, and whether the schedule is paused or not. What\n" +
			"the slot is the key of, such as an announcement, is not done twice. The command ends when that is written\n" +
			"down; timbot why tells what came of it. The bot must be running.",
		Example: "  timbot jobs run mybot brief.daily",
		Args:    wantArgs(2, 2, "BOT RULE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := of.client(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			s, err := c.RunJob(cmd.Context(), args[1])
			switch {
			case errors.As(err, new(*bot.NotFoundError)):
				return finding{err}
			case err != nil:
				return err
			case asJSON:
				return printJSON(cmd, s)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s  runs for %s  event %s\n", s.Rule, zoned(s.Slot), s.Key)
			return err
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// ordered is what was done with a rule's schedules.
type ordered struct {
	Rule  string `json:"rule"`
	State string `json:"state"` // paused or resumed
}

func newJobsPauseCommand() *cobra.Command {
	return newJobsOrderCommand("pause", "Let a rule's schedules stand still", "paused",
		"Let the schedules of a rule stand still until timbot jobs resume. Slots of that time do not run later.",
		func(ctx context.Context, jobs control.Jobs, rule string) error {
			return jobs.PauseJob(ctx, rule, operator())
		})
}

func newJobsResumeCommand() *cobra.Command {
	return newJobsOrderCommand("resume", "Let paused schedules go on", "resumed",
		"Let the paused schedules of a rule go on. What they left out meanwhile is told in bot.ops_group.",
		func(ctx context.Context, jobs control.Jobs, rule string) error { return jobs.ResumeJob(ctx, rule) })
}

func newJobsOrderCommand(
	verb, short, done, long string, do func(context.Context, control.Jobs, string) error,
) *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:     verb + " BOT RULE",
		Short:   short,
		Long:    long,
		Example: "  timbot jobs " + verb + " mybot brief.daily",
		Args:    wantArgs(2, 2, "BOT RULE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return of.jobs(cmd, args[0], true, func(jobs control.Jobs) error {
				if err := do(cmd.Context(), jobs, args[1]); err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd, ordered{args[1], done})
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), clean(args[1])+"  "+done)
				return err
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

func newJobsHistoryCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
		limit  int
	)
	cmd := &cobra.Command{
		Use:     "history BOT [RULE]",
		Short:   "Tell which slots came, and what became of them, the newest first",
		Example: "  timbot jobs history mybot brief.daily",
		Args:    wantArgs(1, 2, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 || limit > bot.MaxHistory {
				return &usageError{cmd, fmt.Sprintf("--limit must be from 1 to %d", bot.MaxHistory)}
			}
			rule := ""
			if len(args) == 2 {
				rule = args[1]
			}
			return of.jobs(cmd, args[0], false, func(jobs control.Jobs) error {
				past, err := jobs.JobHistory(cmd.Context(), rule, limit)
				for i := range past {
					if err != nil {
						return err
					}
					if asJSON {
						err = printJSON(cmd, &past[i])
					} else {
						_, err = fmt.Fprintln(cmd.OutOrStdout(), clean(tellSlot(&past[i])))
					}
				}
				return err
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", bot.DefaultHistory, "how many at most")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each")
	return cmd
}

// tellSlot is a slot that came in a line.
func tellSlot(s *bot.JobSlot) string {
	line := fmt.Sprintf("%s  %s  %s", s.Rule, zoned(s.Slot), s.State)
	switch {
	case s.Slots > 1:
		line += fmt.Sprintf(": %d slots up to this one, %s", s.Slots, s.Why)
	case s.Why != "":
		line += ": " + s.Why
	}
	for _, r := range s.Runs {
		if r.Error != "" {
			line += fmt.Sprintf(": %s %s %s", r.Step, r.Code, quoted(r.Error, 60))
		}
	}
	if s.Missed {
		line += "  (late)"
	}
	if s.Manual {
		line += "  (by hand)"
	}
	return line
}
