package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/native"
)

// errUnwell is what doctor ends with when the connection cannot be used; what is wrong was told.
var errUnwell = errors.New("the connection cannot be used")

func newDoctorCommand() *cobra.Command {
	var (
		connection string
		asJSON     bool
	)
	cmd := &cobra.Command{
		Use:   "doctor {BOT | --connection URL}",
		Short: "Tell step by step whether a connection works, and what is wrong",
		Long: "Tell step by step whether a connection works: that of a bot, or one that is named. For native: it looks for the\n" +
			"SDK's library, its architecture, symbols and version, where the user's signature comes from, and logs in and out\n" +
			"once, which ends another login of that user. The exit code is 1 when something is wrong.",
		Example: "  timbot doctor examples/bots/hello\n" +
			"  timbot doctor --connection 'native:?lib=./libImSDK.so&sdkappid=1400000000&user=concierge&secret_env=TIM_SECRET'",
		Args: wantArgs(0, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 0) == (connection == "") {
				return &usageError{cmd, "give a bot or --connection"}
			}
			config := sdkconn.Config{}
			var err error
			if config.Dir, err = os.Getwd(); err != nil {
				return err
			}
			if connection == "" {
				l, err := load(cmd, args[0])
				if err != nil {
					return err
				}
				connection, config.Dir = l.set.Bot.Connection, l.files.Dir
			}
			out := cmd.OutOrStdout()
			report := func(step, result string, err error) {
				e := examined{Step: step, OK: err == nil, Result: result}
				if err != nil {
					e.Result = err.Error()
				}
				if asJSON {
					_ = printJSON(cmd, e) // a reader that has left ends the command soon enough
					return
				}
				mark := "ok  "
				if err != nil {
					mark = "FAIL"
				}
				fmt.Fprintf(out, "%s  %s%s\n", mark, column(step, 20), clean(e.Result))
			}
			if strings.HasPrefix(connection, "native:") {
				err = native.Diagnose(cmd.Context(), connection, config, report)
			} else {
				err = examine(cmd, connection, config, report)
			}
			if err != nil {
				return finding{errUnwell}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&connection, "connection", "", "the connection's URL, in place of a bot's")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each step")
	return cmd
}

// examined is one step of an examination.
type examined struct {
	Step   string `json:"step"`
	OK     bool   `json:"ok"`
	Result string `json:"result,omitzero"`
}

// examine opens a connection of any kind and closes it again.
func examine(cmd *cobra.Command, url string, config sdkconn.Config, report func(step, result string, err error)) error {
	conn, err := sdkconn.Open(cmd.Context(), url, config)
	if err != nil {
		report("login", "", err)
		return err
	}
	report("login", "logged in as "+conn.Self(), nil)
	err = conn.Close()
	report("logout", "", err)
	return err
}
