package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
)

func newExplainCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain BOT [RULE]...",
		Short: "Tell in words what a rule does",
		Long: "Tell in words what rules do: their events and words, every operand of their conditions, what narrows them down, the\n" +
			"facts that they read, and their steps. Without a rule all are told. What a bot made of one message is told by\n" +
			"timbot why.",
		Example: "  timbot explain examples/bots/moderation mod.ads",
		Args:    wantArgs(1, -1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := load(cmd, args[0])
			if err != nil {
				return err
			}
			chosen := l.set.Rules
			if len(args) > 1 {
				chosen = nil
				for _, id := range args[1:] {
					r := l.set.Rule(id)
					if r == nil {
						var ids []string
						for _, r := range l.set.Rules {
							ids = append(ids, r.ID)
						}
						return fmt.Errorf("%s has no rule %q%s", l.files.Path(), id, didYouMean(id, ids))
					}
					chosen = append(chosen, r)
				}
			}
			for i, r := range chosen {
				d := l.set.Describe(r, l.set.Catalog(bot.Catalog(l.registry)))
				d.Pos = fileName(l.files, d.Pos)
				if asJSON {
					err = printJSON(cmd, d)
				} else {
					if i > 0 {
						fmt.Fprintln(cmd.OutOrStdout())
					}
					err = writeDescription(cmd.OutOrStdout(), d)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each rule")
	return cmd
}

// writeDescription tells what a rule does.
func writeDescription(w io.Writer, d *rules.Description) error {
	var b strings.Builder
	title := d.Rule
	if d.Name != "" {
		title += "  " + d.Name
	}
	fmt.Fprintf(&b, "%s  (%s)\n", title, d.Pos)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-8s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("on", "%s", strings.Join(d.Events, ", "))
	stage := append([]string{d.Stage}, d.Order...)
	if d.Priority != 0 {
		stage = append(stage, fmt.Sprintf("priority %d", d.Priority))
	}
	line("stage", "%s", strings.Join(stage, "; "))
	if d.Run != "live" {
		line("run", "%s", d.Run)
	}
	says := map[string]string{"any_of": "one of", "all_of": "all of", "none_of": "none of", "faq": "questions"}
	for i, words := range d.Words {
		name := ""
		if i == 0 {
			name = "words"
		}
		more := ""
		if words.More > 0 {
			more = fmt.Sprintf(" and %d more", words.More)
		}
		line(name, "%s: %s%s", says[words.Key], strings.Join(words.Words, ", "), more)
	}
	if d.Mode != "" {
		line("", "mode %s, normalize %s", d.Mode, d.Normalize)
	}
	for i, c := range d.Conditions {
		name := "and"
		if i == 0 {
			name = "if"
		}
		writeCondition(&b, name, c, "")
	}
	if d.Always {
		line("tried", "on every event of its kinds")
	} else {
		line("tried", "on events of its kinds that have %s", d.Narrowed)
	}
	for _, k := range d.Keys {
		line(k.Key, "%s", k.Text)
	}
	for i, k := range d.Defaults {
		name := ""
		if i == 0 {
			name = "default"
		}
		line(name, "%s %s", k.Key, k.Text)
	}
	if len(d.Reads) > 0 {
		line("reads", "%s", strings.Join(d.Reads, ", "))
	}
	line("does", "%s", counted(len(d.Steps), "step"))
	writeSteps(&b, d.Steps, "    ", "")
	_, err := io.WriteString(w, b.String())
	return err
}

func writeCondition(b *strings.Builder, name string, c rules.DescribedCondition, indent string) {
	fmt.Fprintf(b, "  %-8s %s%s\n", name, indent, c.Source)
	for i, inside := range c.Inside {
		name := ""
		if i > 0 {
			name = c.Joined
		}
		writeCondition(b, name, inside, indent+"  ")
	}
}

// writeSteps tells of steps, numbered behind the number of the step that they are in.
func writeSteps(b *strings.Builder, steps []rules.DescribedStep, indent, number string) {
	for i, s := range steps {
		at := fmt.Sprintf("%s%d", number, i+1)
		var parts []string
		if s.If != "" {
			parts = append(parts, "if "+s.If+":")
		}
		switch {
		case s.Action == "" && s.If == "":
			parts = append(parts, "otherwise:")
		case s.Action != "" && (s.Action != "do" || s.If == ""):
			parts = append(parts, s.Action)
		}
		for _, in := range s.Inputs {
			if in.Key == "" {
				parts = append(parts, in.Text)
			} else {
				parts = append(parts, in.Key+" "+in.Text+";")
			}
		}
		text := strings.TrimSuffix(strings.Join(parts, " "), ";")
		if s.ID != "" {
			text += "  → steps." + s.ID
		}
		var also []string
		for _, k := range s.Also {
			also = append(also, k.Key+" "+k.Text)
		}
		if also != nil {
			text += "  (" + strings.Join(also, "; ") + ")"
		}
		fmt.Fprintf(b, "%s%s  %s\n", indent, at, text)
		writeSteps(b, s.Inside, indent+"  ", at+".")
	}
}
