package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/plugins/plugintest"
)

func newPluginTestCommand() *cobra.Command {
	var (
		o      plugintest.Options
		inputs []string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "test DIR",
		Short: "Test whether a plugin behaves as bots expect",
		Long: "Test whether the plugin in a folder behaves as bots expect: start it, speak with it, well and badly, kill it, and say\n" +
			"what is wrong with it. Each of its actions is called many times, and what they do is done: give it a place where\n" +
			"that does no harm. The inputs are made up from plugin.yaml unless --input gives some. The exit code is 1 when\n" +
			"something is wrong.",
		Example: "  timbot plugin test plugins/weather\n  timbot plugin test shop --env SHOP_URL --input 'order_lookup={\"number\": \"17\"}'",
		Args:    wantArgs(1, 1, "DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, s := range inputs {
				action, object, ok := strings.Cut(s, "=")
				var m map[string]any
				if err := json.Unmarshal([]byte(object), &m); !ok || err != nil || m == nil {
					return &usageError{cmd, fmt.Sprintf("--input %s: write the name of an action, =, and a JSON object", s)}
				}
				if o.Inputs == nil {
					o.Inputs = make(map[string]json.RawMessage)
				}
				o.Inputs[action] = json.RawMessage(object)
			}
			for _, name := range o.Only {
				if names := plugintest.Names(); !slices.Contains(names, name) {
					return &usageError{cmd, fmt.Sprintf("--only %s: there is no such check%s; there are %s", name, didYouMean(name, names),
						strings.Join(names, ", "))}
				}
			}
			r, err := plugintest.Run(cmd.Context(), args[0], o)
			if err != nil {
				return fmt.Errorf("plugin test: %w", err)
			}
			if err := printReport(cmd, r, asJSON); err != nil {
				return err
			}
			if !r.OK() {
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&o.Env, "env", nil, "variables of the environment that the plugin sees, as under env in a bot's file")
	cmd.Flags().StringArrayVar(&inputs, "input", nil, "ACTION=JSON: what an action is called with")
	cmd.Flags().StringSliceVar(&o.Only, "only", nil, "the names of the checks to make (default all)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each check")
	return cmd
}

func printReport(cmd *cobra.Command, r *plugintest.Report, asJSON bool) error {
	out := cmd.OutOrStdout()
	failed := 0
	for _, c := range r.Checks {
		if asJSON {
			if err := printJSON(cmd, c); err != nil {
				return err
			}
			continue
		}
		mark := map[plugintest.Result]string{plugintest.Passed: "ok  ", plugintest.Failed: "FAIL", plugintest.NotTried: "-   "}[c.Result]
		if c.Result == plugintest.Failed {
			failed++
		}
		if _, err := fmt.Fprintf(out, "%s  %s  %s\n", mark, column(c.Name, 14), c.Expects); err != nil {
			return err
		}
		for _, p := range c.Problems {
			if _, err := fmt.Fprintf(out, "      %s\n", clean(p)); err != nil {
				return err
			}
		}
	}
	if asJSON {
		return nil
	}
	text := "all is well"
	if failed > 0 {
		text = fmt.Sprintf("%s not as it should be", counted(failed, "check"))
	}
	if r.Plugin != "" {
		text = fmt.Sprintf("%s %s: %s", clean(r.Plugin), clean(r.Version), text)
	}
	if r.Ready > 0 {
		text += fmt.Sprintf("; ready after %s", r.Ready.Round(time.Millisecond))
	}
	_, err := fmt.Fprintln(out, text)
	return err
}
