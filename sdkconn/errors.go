package sdkconn

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Error is a failed call, with TIM's own code and text. errors.Is compares it with a Code.
type Error struct {
	Op   string // the call, for instance "Revoke"
	Code Code   // TIM's code; never 0
	Desc string // TIM's text, for people; may be empty
	Err  error  // what lies behind it on this side, for instance an *fs.PathError; may be nil. Desc may hold its text
}

// Error returns for instance "Revoke: 20016 ERR_SVR_MSG_REVOKE_TIME_LIMIT: revoke window passed".
func (e *Error) Error() string {
	s := e.Code.Error()
	if e.Desc != "" {
		s += ": " + e.Desc
	}
	if e.Op != "" {
		s = e.Op + ": " + s
	}
	if e.Err != nil && !strings.Contains(e.Desc, e.Err.Error()) {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the code and the error behind it.
func (e *Error) Unwrap() []error {
	if e.Err != nil {
		return []error{e.Code, e.Err}
	}
	return []error{e.Code}
}

// Errorf makes an *Error whose Desc is formatted as by fmt.Errorf. What a %w in it wraps becomes Err as well.
func Errorf(op string, code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	e := &Error{Op: op, Code: code, Desc: err.Error(), Err: errors.Unwrap(err)}
	if _, several := err.(interface{ Unwrap() []error }); several {
		e.Err = err
	}
	return e
}

// CodeOf returns the TIM code inside err, the outermost one, or 0.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	var c Code
	if errors.As(err, &c) {
		return c
	}
	return 0
}

// Retryable reports whether the same call may succeed later: frequency limits, time-outs, network and server faults.
// It does not say that repeating is harmless; see EffectUnknown.
func Retryable(err error) bool { return CodeOf(err).Retryable() }

// FrequencyLimit reports whether the service refused the call because there were too many: it had no effect, and the same
// call succeeds when there are fewer.
func FrequencyLimit(err error) bool { return CodeOf(err).frequencyLimit() }

// EffectUnknown reports whether the failed call may have taken effect all the same: it timed out, was cut off, or its
// answer was lost.
func EffectUnknown(err error) bool {
	if err == nil {
		return false
	}
	c := CodeOf(err)
	if c == 0 {
		return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	}
	return c.effectUnknown()
}
