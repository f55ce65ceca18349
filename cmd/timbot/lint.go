package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
)

// everywhere is the path that stands for all bots in a folder and below, as in Go's own commands.
const everywhere = "..."

func newLintCommand() *cobra.Command {
	var (
		asJSON, overlap bool
		explain         string
	)
	cmd := &cobra.Command{
		Use:   "lint [PATH|./...]...",
		Short: "Check bots and tell every mistake in them",
		Long: "Check bots and tell every mistake in them, each with its place, the line and the nearest valid name.\n" +
			"A path is a bot's file, a folder that holds a bot.yaml, or FOLDER/... for all bots in it and below.\n" +
			"Without a path the working directory is checked. The exit code is 1 when there are mistakes; warnings alone\n" +
			"leave it at 0. What has an id in brackets is explained by --explain ID, and in docs/lint.md.",
		Example: "  timbot lint ./...\n  timbot lint --overlap examples/bots/hello",
		Args:    wantArgs(0, -1, "PATH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("explain") {
				return explainFinding(cmd, explain, asJSON)
			}
			bots, err := findBots(args)
			if err != nil {
				return err
			}
			registry := actions.NewRegistry(actions.Builtin()...)
			wrong := false
			for _, files := range bots {
				found, err := lint(files, registry, overlap)
				if err != nil {
					return err
				}
				for _, f := range found {
					wrong = wrong || f.Severity == severityError
					if asJSON {
						err = printJSON(cmd, f)
					} else {
						_, err = fmt.Fprintln(cmd.OutOrStdout(), f.rendered)
					}
					if err != nil {
						return err
					}
				}
			}
			if wrong {
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each mistake and warning")
	cmd.Flags().BoolVar(&overlap, "overlap", false, "also tell rules that can never fire, and rules that an earlier one always goes before")
	cmd.Flags().StringVar(&explain, "explain", "", "print what is known of a mistake or warning with this id")
	return cmd
}

// explainFinding prints the documentation of a finding.
func explainFinding(cmd *cobra.Command, id string, asJSON bool) error {
	f, ok := rules.FindingOf(id)
	if !ok {
		var ids []string
		for _, f := range rules.Findings() {
			ids = append(ids, f.ID)
		}
		return &usageError{cmd, fmt.Sprintf("there is no finding %q%s; there are %s", id, didYouMean(id, ids), strings.Join(ids, ", "))}
	}
	if asJSON {
		return printJSON(cmd, f)
	}
	kind := "warning"
	if f.Mistake {
		kind = "mistake"
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s (%s)\n\n%s", f.ID, kind, f.Markdown())
	return err
}

const (
	severityError   = "error"
	severityWarning = "warning"
)

// remark is a mistake, or what is probably not meant.
type remark struct {
	Severity string `json:"severity"`
	ID       string `json:"id,omitzero"` // rules.Findings says more of it
	File     string `json:"file"`
	Line     int    `json:"line,omitzero"`
	Col      int    `json:"col,omitzero"`
	Rule     string `json:"rule,omitzero"`
	Message  string `json:"message"`
	Source   string `json:"source,omitzero"`
	Other    string `json:"other,omitzero"` // the place of another rule that it is about

	rendered string
}

func newRemark(severity, id string, e rules.Error) remark {
	r := remark{
		Severity: severity, ID: id, File: e.File, Line: e.Line, Col: e.Col, Rule: e.Rule, Message: e.Msg, Source: e.Source,
	}
	if e.Err != nil {
		r.Message += ": " + e.Err.Error()
	}
	if severity == severityWarning {
		if e.Rule != "" {
			e.Msg, e.Rule = fmt.Sprintf("rule %q: %s", e.Rule, e.Msg), ""
		}
		e.Msg = "warning: " + e.Msg
	}
	r.rendered = e.Render()
	if id != "" {
		first, rest, more := strings.Cut(r.rendered, "\n")
		if r.rendered = first + " [" + id + "]"; more {
			r.rendered += "\n" + rest
		}
	}
	return r
}

// lint returns what there is to say about one bot, with file names as a person in the working directory writes them.
func lint(files bot.Files, registry *actions.Registry, overlap bool) ([]remark, error) {
	set, err := files.Load(registry)
	var remarks []remark
	if err != nil {
		found, err := mistakes(files, err)
		for _, e := range found {
			remarks = append(remarks, newRemark(severityError, e.ID, e))
		}
		return remarks, err
	}
	warnings := slices.Clone(set.Warnings())
	if overlap {
		warnings = append(warnings, set.Overlaps()...)
	}
	for _, w := range set.Outlived(clockwork.NewRealClock().Now()) {
		w.File = fileName(files, w.File)
		remarks = append(remarks, newRemark(severityError, w.ID, w.Error))
	}
	for _, w := range warnings {
		w.File = fileName(files, w.File)
		r := newRemark(severityWarning, w.ID, w.Error)
		if w.Other.Line > 0 {
			w.Other.File = fileName(files, w.Other.File)
			r.Other = w.Other.String()
			first, rest, _ := strings.Cut(r.rendered, "\n")
			r.rendered = first + "\n" + rest + "\n" + r.Other + ": the earlier rule"
		}
		remarks = append(remarks, r)
	}
	return remarks, nil
}

// mistakes takes the mistakes out of what Load returned, with file names relative to the working directory.
func mistakes(files bot.Files, err error) (rules.Errors, error) {
	var found rules.Errors
	if !errors.As(err, &found) {
		return nil, err
	}
	found = slices.Clone(found)
	for i := range found {
		found[i].File = fileName(files, found[i].File)
	}
	return found, nil
}

// fileName is a file of a bot's folder as a person in the working directory writes it.
func fileName(files bot.Files, name string) string {
	return filepath.Join(files.Dir, filepath.FromSlash(name))
}

// findBots returns the bots that the paths name, each once, in the order of the paths.
func findBots(paths []string) ([]bot.Files, error) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var bots []bot.Files
	add := func(path string) error {
		files, err := bot.Find(path)
		if err == nil && !slices.Contains(bots, files) {
			bots = append(bots, files)
		}
		return err
	}
	for _, path := range paths {
		folder, all := strings.CutSuffix(filepath.ToSlash(path), everywhere)
		if !all {
			if err := add(path); err != nil {
				return nil, err
			}
			continue
		}
		before := len(bots)
		err := filepath.WalkDir(filepath.Clean(filepath.FromSlash(folder)), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && len(d.Name()) > 1 && d.Name() != ".." && d.Name()[0] == '.':
				return fs.SkipDir
			case !d.IsDir() && d.Name() == bot.FileName:
				return add(filepath.Dir(path))
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("lint: %w", err)
		}
		if len(bots) == before {
			return nil, fmt.Errorf("lint: no %s in %s", bot.FileName, path)
		}
	}
	return bots, nil
}
