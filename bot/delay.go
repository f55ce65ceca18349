package bot

import (
	"context"

	"github.com/timbot-go/timbot/rules"
)

// delay does a delay step. The moment at which it is over is in the journal: a restart does not begin it again.
func (r *run) delay(ctx context.Context, step *rules.Step) (outcome, error) {
	now := r.b.clock.Now()
	if r.top().Hold == nil {
		d, err := step.Delay(r.scope)
		if err != nil {
			return r.over(r.failed(step, codeExpression, err)), nil
		}
		r.tell(step, d.String())
		if d <= 0 {
			r.advance()
			return stepGoesOn, nil
		}
		r.top().Hold = &holdRecord{Phase: phaseWaiting}
		return stepWaits, r.waitUntil(ctx, waitRecord{For: waitDelay, Step: r.stepKey(step)}, now.Add(d))
	}
	if w := r.rec.Wait; w != nil && now.UnixMilli() < w.Due {
		return stepWaits, nil
	}
	r.advance()
	return stepGoesOn, nil
}

// tell adds a remark about a step to the trace.
func (r *run) tell(step *rules.Step, note string) {
	r.traced().step(stepTrace{
		Key: r.stepKey(step), Name: stepName(step), Action: actionName(step), Began: r.b.clock.Now().UnixMilli(), Note: note,
	})
}
