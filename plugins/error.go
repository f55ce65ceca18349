package plugins

import (
	"errors"
	"strings"
	"time"

	"github.com/timbot-go/timbot/plugins/wire"
)

// Error is an error that tells rules more than its text. A function may return one, and Bot's methods do.
type Error struct {
	// Code is a word for rules, lower_snake_case: they see it as steps.ID.error.code. Empty is "failed".
	Code string

	// Text is a sentence for people, without secrets and without text of messages.
	Text string

	// Final says that the same call fails again: the step's retry leaves it.
	Final bool

	// RetryAfter is when the step's retry, if it has one, may try again. Zero: as the step says.
	RetryAfter time.Duration

	// Unsettled says that nobody knows whether the effect happened. Unless the action is idempotent, it is not tried again.
	Unsettled bool
}

func (e *Error) Error() string {
	if e.Code == "" {
		return e.Text
	}
	return e.Code + ": " + e.Text
}

func (e *Error) wire() *wire.Error {
	return &wire.Error{
		Code: valid(e.Code), Text: valid(e.Text), Final: e.Final, Unsettled: e.Unsettled,
		RetryAfterMs: uint32(min(max(e.RetryAfter, 0), 24*time.Hour).Milliseconds()),
	}
}

func errorOf(e *wire.Error) *Error {
	return &Error{
		Code: e.GetCode(), Text: e.GetText(), Final: e.GetFinal(), Unsettled: e.GetUnsettled(),
		RetryAfter: time.Duration(e.GetRetryAfterMs()) * time.Millisecond,
	}
}

// wireError is any error as it travels.
func wireError(err error) *wire.Error {
	var e *Error
	if errors.As(err, &e) {
		w := e.wire()
		if text := err.Error(); text != e.Error() { // what was wrapped around it
			w.Text = valid(text)
		}
		return w
	}
	return &wire.Error{Text: valid(err.Error())}
}

// maxText is how many bytes of an error's text travel.
const maxText = 8 << 10

// valid is a text that can travel.
func valid(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
