package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	pluginstarter "github.com/timbot-go/timbot/plugins/starter"
)

func newPluginNewCommand() *cobra.Command {
	var (
		lang, dir string
		bare      bool
	)
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Make a folder with a small plugin",
		Long: "Make a folder with a small plugin that works: an action with inputs and outputs, its plugin.yaml, its tests, and a\n" +
			"bot.yaml to try it with. NAME is what steps call it: small letters, digits and _. What the language needs is\n" +
			"fetched and built: `go mod tidy` and `go build`, or `npm install`; --bare leaves that to you.",
		Example: "  timbot plugin new weather --lang python\n  timbot plugin new weather --lang go --dir plugins/weather",
		Args:    wantArgs(1, 1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := pluginstarter.Options{Name: args[0], Language: lang}
			switch {
			case lang == "":
				return &usageError{cmd, "--lang is missing: go, python or node"}
			case !strings.Contains(" "+strings.Join(pluginstarter.Languages, " ")+" ", " "+lang+" "):
				return &usageError{cmd, fmt.Sprintf("--lang %s: there is no starter in it%s; there are %s", lang,
					didYouMean(lang, pluginstarter.Languages), strings.Join(pluginstarter.Languages, ", "))}
			}
			if err := pluginstarter.Check(o.Name); err != nil {
				return &usageError{cmd, err.Error()}
			}
			if lang == "go" {
				var err error
				if o.Version, o.Checkout, err = ownModule(); err != nil {
					return fmt.Errorf("plugin new: %w", err)
				}
			}
			if dir == "" {
				dir = o.Name
			}
			names, err := pluginstarter.Write(dir, o)
			if err != nil {
				return fmt.Errorf("plugin new: %w", err)
			}
			for _, name := range names {
				fmt.Fprintln(cmd.OutOrStdout(), filepath.Join(dir, name))
			}
			var left []string
			if steps := pluginstarter.Steps(lang); bare {
				left = steps
			} else {
				left = runSteps(cmd, dir, steps)
			}
			for _, step := range left {
				fmt.Fprintf(cmd.OutOrStdout(), "then: (cd %s && %s)\n", dir, step)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "its tests: (cd %s && %s)\nhow it behaves: timbot plugin test %s\ntalk to it: timbot chat %s\n",
				dir, pluginstarter.Tests(lang), dir, dir)
			return err
		},
	}
	cmd.Flags().StringVar(&lang, "lang", "", "the language: go, python or node")
	cmd.Flags().StringVar(&dir, "dir", "", "the folder (default NAME)")
	cmd.Flags().BoolVar(&bare, "bare", false, "only write the files")
	return cmd
}

// runSteps runs what makes a new plugin complete, and returns what could not be run and is left to the person.
func runSteps(cmd *cobra.Command, dir string, steps []string) []string {
	for i, step := range steps {
		args := strings.Fields(step)
		c := exec.CommandContext(cmd.Context(), args[0], args[1:]...)
		c.Dir = dir
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		if err := c.Run(); err != nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s did not work: %v\n%s", step, err, out.Bytes())
			return steps[i:]
		}
	}
	return nil
}

// ownModule says which timbot a Go plugin is built with: the release that this program is, or the checkout that it was built from.
func ownModule() (version, checkout string, err error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	_, file, _, _ := runtime.Caller(0)
	return moduleOf(&info.Main, file)
}

// moduleOf is ownModule of a program of that module, whose source was in file when it was built.
func moduleOf(m *debug.Module, file string) (version, checkout string, err error) {
	if m.Sum != "" { // from the module's own archive
		return m.Version, "", nil
	}
	root := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	if data, err := os.ReadFile(filepath.Join(root, "go.mod")); filepath.IsAbs(file) && err == nil && isOurs(data) {
		return "", root, nil
	}
	if strings.HasPrefix(m.Version, "v") && !strings.Contains(m.Version, "+dirty") { // a commit, built without paths in it
		return m.Version, "", nil
	}
	return "", "", fmt.Errorf("this timbot (%s) is no release, and the checkout that it was built from is not there any more: build it again",
		readBuild().Version)
}

// isOurs reports whether a go.mod is timbot's.
func isOurs(mod []byte) bool {
	first, _, _ := strings.Cut(string(mod), "\n")
	return strings.TrimSpace(first) == "module github.com/timbot-go/timbot"
}
