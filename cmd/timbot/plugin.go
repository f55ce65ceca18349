package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/control"
	"github.com/timbot-go/timbot/plugins/host"
	"github.com/timbot-go/timbot/rules"
)

// openPlugins makes what runs a bot's plugins. The caller closes it, after the bot's Run and before the connection.
func openPlugins(dataDir string, observer host.Observer, log *slog.Logger) (*host.Host, error) {
	return host.New(host.Config{
		Dir: filepath.Join(dataDir, bot.PluginsFolder), Version: readBuild().Version, Clock: clockwork.NewRealClock(), Log: log,
		Observer: observer,
	})
}

// pluginLines asks for the last that a plugin said.
type pluginLines struct {
	Lines []host.Line `json:"lines"`
}

// pluginName names a plugin that is to be started anew.
type pluginName struct {
	Name string `json:"name"`
}

// answerPlugins lets other commands ask and steer a bot's plugins.
func answerPlugins(server *control.Server, plugins *host.Host) {
	told := func(err error) error {
		var missing *host.NotFoundError
		if errors.As(err, &missing) {
			return &bot.NotFoundError{Text: missing.Text}
		}
		return err
	}
	server.Handle("GET /v1/plugins", control.Answer(func(context.Context, struct{}) ([]host.Status, error) {
		return plugins.Status(), nil
	}))
	server.Handle("GET /v1/plugins/{name}/logs", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control.Answer(func(context.Context, struct{}) (pluginLines, error) {
			n, err := strconv.Atoi(r.FormValue("n"))
			if err != nil {
				return pluginLines{}, &control.Error{Kind: control.KindInvalid, Text: "n: want a number"}
			}
			lines, err := plugins.Logs(r.PathValue("name"), max(n, 0))
			return pluginLines{lines}, told(err)
		}).ServeHTTP(w, r)
	}))
	server.Handle("POST /v1/plugins/restart", control.Answer(func(ctx context.Context, in pluginName) (pluginName, error) {
		return in, told(plugins.Restart(ctx, in.Name))
	}))
}

func newPluginCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plugin",
		Short: "Look after plugins",
		Long: "Look after plugins: programs of their own that bring actions. docs/plugins.md says how one is made, and what a\n" +
			"bot's file says about it.",
		Example: "  timbot plugin list examples/bots/plugin\n  timbot plugin check examples/bots/plugin/plugins/weather",
		Args:    noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPluginListCommand(), newPluginLogsCommand(), newPluginRestartCommand(), newPluginCheckCommand(),
		newPluginNewCommand(), newPluginTestCommand())
	return cmd
}

func newPluginListCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "list BOT",
		Short: "Tell how a running bot's plugins do",
		Long: "Tell how a running bot's plugins do: idle (nothing has called it yet), starting, running, unwell (it says so\n" +
			"itself), or down.",
		Example: "  timbot plugin list examples/bots/plugin",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := of.client(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			list, err := control.Get[[]host.Status](cmd.Context(), c, "/v1/plugins", nil)
			if err != nil {
				return err
			}
			for _, s := range list {
				if asJSON {
					if err := printJSON(cmd, s); err != nil {
						return err
					}
					continue
				}
				line := fmt.Sprintf("%s  %s %s  %s", clean(s.Name), clean(s.Program), clean(s.Version), s.State)
				if s.PID != 0 {
					line += fmt.Sprintf("  pid %d since %s, %s", s.PID, dateTime(s.Since), counted(s.Calls, "call"))
				}
				if s.Ends > 0 {
					line += fmt.Sprintf(", ended %s by itself", counted(s.Ends, "time"))
				}
				if s.Error != "" {
					line += ": " + clean(s.Error)
				}
				if !s.NextTry.IsZero() {
					line += " (not started before " + clockTime(s.NextTry) + ")"
				}
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), line); err != nil {
					return err
				}
			}
			return nil
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each")
	return cmd
}

func newPluginLogsCommand() *cobra.Command {
	var (
		of     whose
		n      int
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "logs BOT PLUGIN",
		Short: "Show the last that a running bot's plugin said",
		Long: "Show the last that a running bot's plugin said: its log, and what it wrote to its standard error and output. A bot\n" +
			"keeps the last 500 lines of each.",
		Example: "  timbot plugin logs examples/bots/plugin weather",
		Args:    wantArgs(2, 2, "BOT PLUGIN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := of.client(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			found, err := control.Get[pluginLines](cmd.Context(), c, "/v1/plugins/"+url.PathEscape(args[1])+"/logs",
				url.Values{"n": {strconv.Itoa(n)}})
			if errors.As(err, new(*bot.NotFoundError)) {
				return finding{err}
			}
			if err != nil {
				return err
			}
			for _, l := range found.Lines {
				if asJSON {
					err = printJSON(cmd, l)
				} else {
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s %s\n", clockTime(l.At), column(l.Level, 6), clean(l.Text))
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	of.flags(cmd)
	cmd.Flags().IntVarP(&n, "lines", "n", 100, "how many lines")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each")
	return cmd
}

func newPluginRestartCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "restart BOT PLUGIN",
		Short: "Start a running bot's plugin anew",
		Long: "Start a running bot's plugin anew, also one that is down because it ended too often. Calls that run finish on the\n" +
			"old process. The command ends when the new one can be called.",
		Example: "  timbot plugin restart examples/bots/plugin weather",
		Args:    wantArgs(2, 2, "BOT PLUGIN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := of.client(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if _, err := control.Post[pluginName](cmd.Context(), c, "/v1/plugins/restart", pluginName{args[1]}); err != nil {
				return finding{err}
			}
			if asJSON {
				return printJSON(cmd, restarted{args[1], "restarted"})
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), clean(args[1])+"  restarted")
			return err
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

type restarted struct {
	Plugin string `json:"plugin"`
	State  string `json:"state"`
}

// checked is a manifest that was found in order.
type checked struct {
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Actions  []string `json:"actions"`
	Checksum string   `json:"checksum,omitzero"`
	Problem  string   `json:"problem,omitzero"` // with the program
}

func newPluginCheckCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check DIR",
		Short: "Check a plugin's manifest, and print its checksum",
		Long: "Check the plugin.yaml in a folder and tell every mistake in it, and print the checksum of its program, which a bot's\n" +
			"file can ask for. The program is not started. The exit code is 1 when something is wrong.",
		Example: "  timbot plugin check examples/bots/plugin/plugins/weather",
		Args:    wantArgs(1, 1, "DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := args[0]
			if _, err := os.Stat(dir); err != nil {
				return err
			}
			m, err := rules.LoadManifest(os.DirFS(dir), rules.ManifestName)
			var found rules.Errors
			if errors.As(err, &found) {
				for _, e := range found {
					e.File = filepath.Join(dir, filepath.FromSlash(e.File))
					r := newRemark(severityError, e.ID, e)
					if asJSON {
						err = printJSON(cmd, r)
					} else {
						_, err = fmt.Fprintln(cmd.OutOrStdout(), r.rendered)
					}
					if err != nil {
						return err
					}
				}
				return errFindings
			}
			if err != nil {
				return err
			}
			p := bot.PluginOf(&rules.Plugin{Name: m.Name, Manifest: m, Dir: "."}, dir)
			out := checked{Name: m.Name, Version: m.Version}
			for _, a := range m.Actions {
				out.Actions = append(out.Actions, m.Name+"."+a.Name)
			}
			if out.Checksum, err = host.Checksum(p); err != nil {
				out.Problem = fmt.Sprintf("the program for %s/%s: %v", runtime.GOOS, runtime.GOARCH, err)
			}
			for _, want := range p.Checksums {
				if out.Problem == "" && want != out.Checksum {
					out.Problem = "plugin.yaml has the checksum " + want
				}
			}
			if asJSON {
				err = printJSON(cmd, out)
			} else {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %s\n", clean(out.Name), clean(out.Version), strings.Join(out.Actions, ", "))
				if err == nil && out.Checksum != "" {
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "checksum: %s\n", out.Checksum)
				}
			}
			if err == nil && out.Problem != "" {
				return finding{errors.New(out.Problem)}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}
