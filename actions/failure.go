package actions

// Failure is an error that says itself what rules are told of it.
type Failure struct {
	Code  string // of steps.ID.error: lower_snake_case
	Text  string
	Final bool  // the same inputs fail again: it is not tried again
	Err   error // what lies behind it; may be nil
}

// Error returns the text, and what lies behind it.
func (e *Failure) Error() string {
	if e.Err != nil {
		return e.Text + ": " + e.Err.Error()
	}
	return e.Text
}

// ErrorCode is Code, as the bot asks an error for it.
func (e *Failure) ErrorCode() string { return e.Code }

// Unwrap returns the error behind it.
func (e *Failure) Unwrap() error { return e.Err }
