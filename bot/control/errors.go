package control

import (
	"errors"
	"net/http"

	"github.com/timbot-go/timbot/bot"
)

// Kind says what an error is about.
type Kind string

// The kinds.
const (
	KindInvalid     Kind = "invalid"     // the request cannot be understood
	KindNotFound    Kind = "not_found"   // what was asked for is not there
	KindTooLarge    Kind = "too_large"   // the request is larger than 1 MiB
	KindUnavailable Kind = "unavailable" // the bot cannot do that
	KindFailed      Kind = "failed"      // it tried, and could not
)

// Error is an error as it travels.
type Error struct {
	Text string `json:"error"`
	Kind Kind   `json:"kind"`
}

func (e *Error) Error() string { return e.Text }

func (k Kind) status() int {
	switch k {
	case KindInvalid:
		return http.StatusBadRequest
	case KindNotFound:
		return http.StatusNotFound
	case KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case KindUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// errorOf is err as it travels.
func errorOf(err error) *Error {
	var e *Error
	var missing *bot.NotFoundError
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &missing), errors.Is(err, bot.ErrNoDeadLetter), errors.Is(err, bot.ErrNotOpen),
		errors.Is(err, bot.ErrNoAnnouncement):
		return &Error{Kind: KindNotFound, Text: err.Error()}
	}
	return &Error{Kind: KindFailed, Text: err.Error()}
}

// arrived is the error that a client returns: what is not found is so on both sides.
func (e *Error) arrived() error {
	if e.Kind == KindNotFound {
		return &bot.NotFoundError{Text: e.Text}
	}
	return e
}
