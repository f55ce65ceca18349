package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/rules/format"
)

// standard is the path that stands for standard input and output.
const standard = "-"

func newFmtCommand() *cobra.Command {
	var f formatting
	cmd := &cobra.Command{
		Use:   "fmt [PATH|./...|-]...",
		Short: "Format the files of bots",
		Long: "Format the files of bots: two spaces a level, keys in the order of the reference, quotes where they are needed.\n" +
			"Comments, blank lines and texts stay what they are, and a file never means anything else afterwards.\n" +
			"A path is a file, a folder that holds a bot.yaml (with all that it includes), or FOLDER/... for all bots in it\n" +
			"and below. Without a path the working directory is meant; - reads standard input and writes standard output.\n" +
			"The names of the files that were changed are printed. A file that cannot be formatted safely is left alone,\n" +
			"and the exit code is 1.",
		Example: "  timbot fmt ./...\n  timbot fmt --check --diff examples/bots/hello",
		Args:    wantArgs(0, -1, "PATH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.cmd, f.language = cmd, rules.Language(bot.Catalog(actions.NewRegistry(actions.Builtin()...)))
			if slices.Contains(args, standard) {
				if len(args) > 1 {
					return &usageError{cmd, "- goes with no other path"}
				}
				return f.stream(cmd.InOrStdin(), cmd.OutOrStdout())
			}
			return f.files(args)
		},
	}
	cmd.Flags().BoolVar(&f.check, "check", false, "write nothing; the exit code is 1 when a file is not formatted")
	cmd.Flags().BoolVar(&f.diff, "diff", false, "write nothing; print what would change")
	return cmd
}

// formatting is one call of timbot fmt.
type formatting struct {
	check, diff bool
	cmd         *cobra.Command
	language    *rules.Form
	differ      bool // some file is not formatted
	refused     bool // some file cannot be
}

func (f *formatting) stream(in io.Reader, out io.Writer) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	done, err := format.Source(text, f.language)
	switch {
	case err != nil:
		return finding{fmt.Errorf("standard input is left as it is: %w", err)}
	case f.check || f.diff:
		if err := f.show("standard input", text, done); err != nil {
			return err
		}
		return f.result()
	}
	_, err = out.Write(done)
	return err
}

func (f *formatting) files(paths []string) error {
	names, err := filesToFormat(paths)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := f.file(name); err != nil {
			return err
		}
	}
	return f.result()
}

// result is how the command ends.
func (f *formatting) result() error {
	if f.refused || f.check && f.differ {
		return errFindings
	}
	return nil
}

func (f *formatting) file(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	done, err := format.Source(text, f.language)
	if format.IsError(err) {
		f.refused = true
		fmt.Fprintf(f.cmd.ErrOrStderr(), "timbot: %s is left as it is: %v\n", name, err)
		return nil
	}
	if err != nil {
		return err
	}
	if bytes.Equal(text, done) {
		return nil
	}
	if !f.check && !f.diff {
		if err := replaceFile(name, done); err != nil {
			return err
		}
	}
	return f.show(name, text, done)
}

// show tells of a file whose text is to become done.
func (f *formatting) show(name string, text, done []byte) error {
	if bytes.Equal(text, done) {
		return nil
	}
	f.differ = true
	var err error
	if f.diff {
		_, err = f.cmd.OutOrStdout().Write(diff.Diff(name, text, name+" (formatted)", done))
	} else {
		_, err = fmt.Fprintln(f.cmd.OutOrStdout(), name)
	}
	return err
}

// filesToFormat returns the files that the paths name, each once.
func filesToFormat(paths []string) ([]string, error) {
	var names []string
	add := func(name string) {
		if name = filepath.Clean(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			add(path)
			continue
		}
		bots, err := findBots([]string{path})
		if err != nil {
			return nil, err
		}
		for _, files := range bots {
			for _, name := range rules.FilesOf(files.FS(), files.Name).YAML {
				add(fileName(files, name))
			}
		}
	}
	return names, nil
}

// replaceFile puts a text in the place of a file's, whole or not at all.
func replaceFile(name string, text []byte) (err error) {
	if name, err = filepath.EvalSymlinks(name); err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".timbot-fmt-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
