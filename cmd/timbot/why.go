package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/sdkconn"
)

func newWhyCommand() *cobra.Command {
	var (
		of          whose
		asJSON, all bool
	)
	cmd := &cobra.Command{
		Use:   "why BOT [EVENT]",
		Short: "Tell why a bot did what it did, and why not something else",
		Long: "Tell what every rule made of an event: the words that it found, what each part of its condition was, who\n" +
			"stopped it; and what the rules that fired did, step by step.\n\n" +
			"The event is named by a message's id (msg.id in rules, or message_msg_id of the SDK, as logs have it), by\n" +
			"an event's key, by a run's id, or by the id of a message that the bot sent. Without it, or with \"last\", it\n" +
			"is the newest event of a conversation. The bot may be running or not. The exit code is 1 when there is no\n" +
			"such event.",
		Example: "  timbot why examples/bots/hello last",
		Args:    wantArgs(1, 2, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref := "last"
			if len(args) == 2 {
				ref = args[1]
			}
			return of.at(cmd, args[0], false, func(d *desk) error {
				ask := d.Why
				if all {
					ask = d.WhyAll
				}
				story, err := ask(cmd.Context(), ref)
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd, story)
				}
				_, err = fmt.Fprint(cmd.OutOrStdout(), tellStory(story, colours(cmd.OutOrStdout())))
				return err
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "tell of every rule, also of those that were not tried")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// why tells of the last message here, or of the N-th last.
func (s *session) why(args []string) error {
	n, err := number(args, 1)
	if err != nil {
		return err
	}
	user, conv := s.where()
	of := conv // as the bot sees it
	if conv.Type == sdkconn.ConvC2C {
		if conv.ID != s.botUser {
			return fmt.Errorf("%s is not in this conversation", s.botUser)
		}
		of = sdkconn.C2C(user)
	}
	in := s.bot.Inspector()
	found, err := in.Traces(s.ctx, bot.TraceFilter{In: of.String(), Limit: bot.MaxTraces})
	if err != nil {
		return err
	}
	for _, e := range found {
		if !strings.HasPrefix(e.Event.Type, "message.") {
			continue
		}
		if n--; n > 0 {
			continue
		}
		story, err := in.Why(s.ctx, e.Event.Key)
		if err != nil {
			return err
		}
		s.answer(entry{Kind: "why", Text: strings.TrimRight(tellStory(story, false), "\n"), Story: story})
		return nil
	}
	return errors.New("there is no such message here that the bot was told of")
}
