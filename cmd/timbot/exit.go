package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The exit codes.
const (
	codeFine        = 0
	codeFindings    = 1 // what was looked at is not fine: a bad rule, no answer
	codeFailed      = 2 // could not run: wrong usage, a missing file, a lost connection
	codeInterrupted = 130
)

var (
	// errFindings ends a command that has told its findings already.
	errFindings = errors.New("findings")

	// errInterrupted ends a command that a signal stopped.
	errInterrupted = errors.New("interrupted")

	// errStopped ends a service that a signal stopped, as it should.
	errStopped = errors.New("stopped")
)

// finding is an error that is the answer to what was asked.
type finding struct{ error }

// shown is an error that could keep a command from running and that was told in full already.
type shown struct{ error }

// usageError is a command line that cannot be understood.
type usageError struct {
	cmd *cobra.Command
	msg string
}

func (e *usageError) Error() string { return e.msg }

// exitCode tells err on w, unless that was done already, and returns the exit code for it.
func exitCode(ctx context.Context, w io.Writer, err error) int {
	var usage *usageError
	switch {
	case err == nil && context.Cause(ctx) != errInterrupted, errors.Is(err, errStopped):
		return codeFine
	case err == nil, errors.Is(err, errInterrupted), errors.Is(err, context.Canceled) && context.Cause(ctx) == errInterrupted:
		return codeInterrupted
	case errors.Is(err, errFindings):
		return codeFindings
	case errors.As(err, new(shown)):
		return codeFailed
	case errors.As(err, &usage):
		fmt.Fprintf(w, "timbot: %s\nTry \"%s --help\".\n", usage.msg, usage.cmd.CommandPath())
		return codeFailed
	}
	fmt.Fprintf(w, "timbot: %v\n", err)
	if errors.As(err, new(finding)) {
		return codeFindings
	}
	return codeFailed
}

// noSuchCommand refuses arguments of the root command: they are misspelt commands.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return &usageError{cmd, fmt.Sprintf("unknown command %q%s", args[0], didYouMean(args[0], names))}
}

// wantArgs refuses a number of arguments below least or above most; most -1 is any.
func wantArgs(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return &usageError{cmd, "missing argument: " + what}
		case most >= 0 && len(args) > most:
			return &usageError{cmd, fmt.Sprintf("unexpected argument %q", args[most])}
		}
		return nil
	}
}

func badFlag(cmd *cobra.Command, err error) error {
	msg := err.Error()
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		name := unknown.GetSpecifiedName()
		msg = fmt.Sprintf("unknown flag --%s", name)
		if near := nearest(name, names); near != "" {
			msg += fmt.Sprintf(" (did you mean --%s?)", near)
		}
	}
	return &usageError{cmd, msg}
}

func didYouMean(name string, names []string) string {
	if near := nearest(name, names); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}

// nearest is the name that somebody who typed name may have meant, or "".
func nearest(name string, names []string) string {
	best, least := "", max(min(2, len(name)/2), len(name)/3)+1
	for _, n := range names {
		if d := levenshtein.Distance(strings.ToLower(name), strings.ToLower(n), nil); d < least {
			best, least = n, d
		}
	}
	return best
}
