package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot/control"
)

func newStatusCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "status BOT",
		Short: "Tell how a bot does",
		Long: "Tell how a bot does: whether it runs and is well, its rules, what it has done, and what its journal holds.\n" +
			"The exit code is 1 when it does not run or something is wrong.",
		Example: "  timbot status examples/bots/hello",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return of.at(cmd, args[0], false, func(d *desk) error {
				status := new(control.Status)
				var err error
				if d.running != nil {
					status, err = d.running.Status(cmd.Context())
				} else {
					s, failed := d.inspector.Status(cmd.Context())
					if err = failed; err == nil {
						status.Status = *s
					}
				}
				if err != nil {
					return err
				}
				if asJSON {
					err = printJSON(cmd, status)
				} else {
					_, err = fmt.Fprint(cmd.OutOrStdout(), tellStatus(status))
				}
				if err == nil && !status.Ready {
					return errFindings
				}
				return err
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

func tellStatus(s *control.Status) string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintln(&b, column(name, 10)+clean(fmt.Sprintf(format, args...)))
	}
	switch {
	case !s.Running:
		row("bot", "not running")
	case s.Ready:
		row("bot", "%s runs since %s (pid %d, timbot %s)", s.User, dateTime(s.Began), s.PID, s.Version)
	default:
		row("bot", "%s runs since %s and is not ready (pid %d, timbot %s)", s.User, dateTime(s.Began), s.PID, s.Version)
	}
	for _, p := range s.Problems {
		row("", "%s: %s, since %s", p.Component, p.Text, dateTime(p.Since))
	}
	if s.Running {
		row("rules", "%d (%.12s)", s.Rules, s.RuleSet)
		if s.NotReloaded != "" {
			row("", "changed files are not used: %s", s.NotReloaded)
		}
		row("handled", "%d since then, %d more that no rule listens to", s.Handled, s.Unused)
	}
	if s.Journal != "" {
		row("journal", "%s", s.Journal)
		return b.String()
	}
	row("journal", "%s, %d not done; %s", counted(s.Events, "event"), s.Pending, size(s.Bytes))
	row("runs", "%d open, %d with a timer", s.Runs, s.Timers)
	for _, line := range []struct {
		n    int
		text string
	}{
		{s.Dialogues, counted(s.Dialogues, "dialogue") + " open"},
		{s.Handoffs, counted(s.Handoffs, "conversation") + " in people's hands: timbot handoff list"},
		{s.Approvals, counted(s.Approvals, "request") + " for consent: timbot approvals list"},
		{s.Dead, counted(s.Dead, "dead letter") + ": timbot dead list"},
	} {
		if line.n > 0 {
			row("", "%s", line.text)
		}
	}
	return b.String()
}
