package bot

import (
	"errors"
	"time"

	"github.com/timbot-go/timbot/rules"
)

// An aside is a message that a step which waits sends: the question of an ask, the notice of a handoff, the request of an
// approval. It is a list of one step inside the step, so that it is begun, settled after a crash, tried again and paced
// like every other.

// How often an aside is tried again.
const (
	asideRetries = 5
	asideBackoff = 2 * time.Second
)

// say goes into the aside; exec comes back to the step when it was said, with phaseSaid.
func (r *run) say(a aside) {
	h := r.top().Hold
	h.Phase, h.Aside = phaseSaying, a
	r.rec.afresh()
	r.enter()
}

// step is the step that the aside is.
func (h *holdRecord) step(of *rules.Step) *rules.Step {
	var s rules.Step
	switch h.Aside {
	case asideAsk:
		s = *of.Ask.Question
		s.ContinueOnError = of.ContinueOnError // then the ask fails, and not its rule
	case asideAgain:
		s = *of.Ask.Again
		s.ContinueOnError = of.ContinueOnError
	default:
		s = *rules.Given(of.Path+"."+string(h.Aside), "send", map[string]any{"to_group": h.Group, "text": h.Text})
	}
	s.Retry = rules.Retry{Times: asideRetries, Backoff: asideBackoff}
	return &s
}

// said is what came of the aside that was said last.
func (r *run) said(step *rules.Step) (stepRecord, error) {
	r.enter()
	key := r.stepKey(r.list()[0])
	r.rec.Frames = r.rec.Frames[:len(r.rec.Frames)-1]
	rec := r.steps[key]
	if rec.Err != nil {
		return rec, errors.New(rec.Err.Text)
	}
	return rec, nil
}
