package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/sdkconn"
)

// errNoAnswer is what --wait ends with when nobody answered in time.
var errNoAnswer = errors.New("no answer")

func newSendCommand() *cobra.Command {
	var (
		as, toUser, toGroup string
		wait, asJSON        bool
		timeout             time.Duration
	)
	cmd := &cobra.Command{
		Use:   "send BOT --as USER {--to USER | --to-group GROUP} TEXT...",
		Short: "Send a message on a bot's chat file, as somebody else",
		Long: "Send a message on the chat file that a bot's file names, as any user. The bot may be running in another\n" +
			"process (timbot run); with --wait its first answer in that conversation is printed, and the exit code is 1\n" +
			"when none comes in time. This works on the embedded chat (local:) only, where a login needs no secret.",
		Example: "  timbot send examples/bots/hello --as alice --to concierge --wait 你好",
		Args:    wantArgs(2, -1, "BOT and TEXT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var conv sdkconn.Conversation
			switch {
			case as == "":
				return &usageError{cmd, "missing flag: --as, the user who sends"}
			case (toUser == "") == (toGroup == ""):
				return &usageError{cmd, "give one of --to and --to-group"}
			case toUser != "":
				conv = sdkconn.C2C(toUser)
			default:
				conv = sdkconn.Group(toGroup)
			}
			l, err := load(cmd, args[0])
			if err != nil {
				return err
			}
			bot, asUser, err := otherUser(l.set.Bot.Connection, as)
			if err != nil {
				return err
			}
			if as == bot {
				return &usageError{cmd, fmt.Sprintf("--as %s is the bot itself", as)}
			}
			if path, ok := chatFile(l.set.Bot.Connection, l.files.Dir); ok {
				if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
					return fmt.Errorf("there is no chat file %s yet: start the bot first, with timbot run", path)
				}
			}
			conn, err := sdkconn.Open(cmd.Context(), asUser, sdkconn.Config{Dir: l.files.Dir})
			if err != nil {
				return fmt.Errorf("connect: %w", err)
			}
			err = send(cmd.Context(), conn, conv, strings.Join(args[1:], " "), func(ctx context.Context, answers <-chan *sdkconn.Message) error {
				if !wait {
					return nil
				}
				ctx, cancel := context.WithTimeoutCause(ctx, timeout, errNoAnswer) // the message is sent by now
				defer cancel()
				for {
					select {
					case m := <-answers:
						if m.Sender != bot {
							continue
						}
						return printAnswer(cmd, m, asJSON)
					case <-ctx.Done():
						if context.Cause(ctx) == errNoAnswer {
							return finding{fmt.Errorf("no answer from %s within %s: is the bot running?", bot, timeout)}
						}
						return context.Cause(ctx)
					}
				}
			})
			return errors.Join(err, conn.Close())
		},
	}
	cmd.Flags().StringVar(&as, "as", "", "the user who sends")
	cmd.Flags().StringVar(&toUser, "to", "", "the user who gets it, for instance the bot")
	cmd.Flags().StringVar(&toGroup, "to-group", "", "the group that gets it; the sender must be a member")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait for the bot's answer and print it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the answer as a JSON object")
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to wait for the answer")
	return cmd
}

// otherUser returns the bot's user id and the URL of the same chat for another user.
func otherUser(connection, as string) (bot, other string, err error) {
	u, err := url.Parse(connection)
	if err != nil || u.Scheme != localScheme {
		return "", "", fmt.Errorf("send works on the embedded chat (%s:PATH?user=ID) only: on any other connection a login needs a secret", localScheme)
	}
	q := u.Query()
	bot = q.Get("user")
	q.Set("user", as)
	u.RawQuery = q.Encode()
	return bot, u.String(), nil
}

// send sends a text and hands what comes in that conversation afterwards to receive. What came before is left out.
func send(ctx context.Context, conn sdkconn.Conn, conv sdkconn.Conversation, text string,
	receive func(ctx context.Context, answers <-chan *sdkconn.Message) error,
) error {
	listening, stop := context.WithCancelCause(ctx)
	sent := make(chan struct{})
	answers := make(chan *sdkconn.Message)
	var listener sync.WaitGroup
	listener.Go(func() {
		stop(conn.Subscribe(listening, func(_ context.Context, events []sdkconn.Event) error {
			select {
			case <-sent:
			default:
				return nil // from before
			}
			for _, e := range events {
				if e.Kind != sdkconn.EventNewMsg || e.Conversation() != conv {
					continue
				}
				select {
				case answers <- e.Message:
				case <-listening.Done():
				}
			}
			return nil
		}))
	})
	defer listener.Wait()
	defer stop(nil)
	if idler, ok := conn.(sdkconn.Idler); ok {
		if err := idler.WaitIdle(listening); err != nil {
			return cmp.Or(context.Cause(listening), err)
		}
	}
	close(sent) // before the message, so that no answer can be missed
	if _, err := conn.SendNewMsg(listening, conv, textMessage(text)); err != nil {
		return explain(fmt.Sprintf("send to %s", conv.ID), err)
	}
	return receive(listening, answers)
}

func textMessage(text string) *sdkconn.Message {
	return &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: text}}}
}

func printAnswer(cmd *cobra.Command, m *sdkconn.Message, asJSON bool) error {
	if asJSON {
		return printJSON(cmd, m)
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), clean(content(m)))
	return err
}
