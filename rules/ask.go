package rules

import "time"

// Ask is a question whose answer is the user's next message.
type Ask struct {
	// Question sends it, Again sends it after an answer that was not accepted: steps of kind StepAction whose Path is the
	// ask's with ".ask" and ".again" behind it.
	Question, Again *Step

	// Tries is how many answers are looked at, 1 to 20; 3 unless the rule says otherwise.
	Tries int

	// Timeout is how long each answer is waited for.
	Timeout time.Duration

	accept *program
	set    *Set
	rule   *Rule
}

// Accepts reports whether the answer in the scope is taken; true when the rule does not say what is.
func (a *Ask) Accepts(sc *Scope) (bool, error) { return holds(a.accept, sc, a.set, a.rule) }

// Approve keeps a step from being done until a person agrees.
type Approve struct {
	Timeout time.Duration // 24h unless the rule says otherwise; the step fails with the code "no_approval" then
	Pos     Pos

	in, by, text *value
	set          *Set
	rule         *Rule
}

// ApproveInputs is who is asked to agree.
type ApproveInputs struct {
	Group string   // the id of the group where the request is made
	By    []string // the users who may agree; empty: the bot's admins
	Text  string   // what the request says besides what is to be done; may be empty
}

// Inputs evaluates what the rule says.
func (a *Approve) Inputs(sc *Scope) (ApproveInputs, error) {
	env := sc.envOf(a.set, a.rule, given(map[string]*value{"in": a.in, "by": a.by, "text": a.text}))
	var out ApproveInputs
	if err := evalTo(a.in, env, &out.Group); err != nil {
		return out, err
	}
	if err := evalTo(a.text, env, &out.Text); err != nil {
		return out, err
	}
	var by []any
	err := evalTo(a.by, env, &by)
	for _, v := range by {
		if id, ok := v.(string); ok {
			out.By = append(out.By, id)
		}
	}
	return out, err
}

// Handoff gives a conversation to people: until it is given back, rules of main and fallback are not tried there.
type Handoff struct {
	After time.Duration // given back after so long; 0: never by itself
	Idle  time.Duration // given back when nobody wrote for so long; 0: never by itself
	Pos   Pos

	queue, note *value
	set         *Set
	rule        *Rule
}

// HandoffInputs is what people are told.
type HandoffInputs struct{ Queue, Note string }

// Inputs evaluates what the rule says.
func (h *Handoff) Inputs(sc *Scope) (HandoffInputs, error) {
	env := sc.envOf(h.set, h.rule, given(map[string]*value{"queue": h.queue, "note": h.note}))
	var out HandoffInputs
	if err := evalTo(h.queue, env, &out.Queue); err != nil {
		return out, err
	}
	return out, evalTo(h.note, env, &out.Note)
}

// Delay evaluates how long a StepDelay waits.
func (s *Step) Delay(sc *Scope) (time.Duration, error) {
	var d time.Duration
	err := evalTo(s.delay, sc.envOf(s.set, s.rule, given(map[string]*value{"delay": s.delay})), &d)
	return max(d, 0), err
}

// keyOf evaluates what an event counts for.
func keyOf(v *value, sc *Scope, set *Set) (string, error) {
	var key string
	err := evalTo(v, sc.envOf(set, sc.rule, given(map[string]*value{"per": v})), &key)
	return key, err
}

// given leaves out what a rule does not give.
func given(values map[string]*value) map[string]*value {
	for name, v := range values {
		if v == nil {
			delete(values, name)
		}
	}
	return values
}

// evalTo evaluates a value that may not be given into *to.
func evalTo[T any](v *value, env map[string]any, to *T) error {
	if v == nil {
		return nil
	}
	out, err := v.eval(env)
	if err != nil {
		return err
	}
	*to, _ = out.(T)
	return nil
}
