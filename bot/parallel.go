package bot

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

// The branches of a parallel step are runs of their own in the journal, each with its own waits, tries and dead letter. They
// begin where the run that made them stands, and see what it has. That run waits without a timer; a branch that ends gives
// it the results of its steps, and a timer that wakes it, in the commit with which it ends.

// codeBranch is the code of a parallel step a branch of which was dropped or given up.
const codeBranch = "branch"

// branchKey names a branch in the run that made it, and holds how it ended.
func (r *run) branchKey(step *rules.Step, i int) string {
	return strings.Replace(r.stepKey(step), step.Path, fmt.Sprintf("%s.parallel[%d]", step.Path, i), 1)
}

func branchID(run, key string) string { return run + ":" + key }

// branchEnd is what branchKey gives: the key of no step.
var branchEnd = regexp.MustCompile(`\.parallel\[\d+\](#|$)`)

// parallel does a parallel step. Errors are the journal's, or ctx's.
func (r *run) parallel(ctx context.Context, step *rules.Step) (outcome, error) {
	if r.top().Hold == nil {
		return stepWaits, r.branch(ctx, step)
	}
	var failure *rules.StepError
	for i := range step.Branches {
		key := r.branchKey(step, i)
		end := r.steps[key]
		if !end.Done {
			_, open, err := r.b.journal.Run(ctx, branchID(r.id, key))
			if err != nil {
				return stepGoesOn, err
			}
			if open {
				return stepWaits, r.waitUntil(ctx, waitRecord{For: waitParallel, Step: r.stepKey(step)}, time.Time{})
			}
			end.Err = &rules.StepError{Code: codeBranch, Text: "it was dropped or given up"}
		}
		if end.Err != nil && failure == nil {
			failure = &rules.StepError{Code: end.Err.Code, Text: fmt.Sprintf("branch %d: %s", i+1, end.Err.Text)}
		}
	}
	return r.over(r.record(step, stepRecord{Done: true, OK: failure == nil, Err: failure})), nil
}

// branch makes the branches.
func (r *run) branch(ctx context.Context, step *rules.Step) error {
	event, _, err := r.b.journal.Event(ctx, r.event)
	if err != nil {
		return err
	}
	var ids []string
	for i := range step.Branches {
		rec := r.rec
		rec.afresh()
		rec.Parent, rec.Base, rec.Turn = r.id, len(r.rec.Frames), nil
		rec.Frames = append(slices.Clone(r.rec.Frames), frame{})
		rec.Frames[rec.Base-1].Branch = i
		data, err := json.Marshal(rec)
		if err != nil {
			return fmt.Errorf("run %s: %w", r.id, err)
		}
		id := branchID(r.id, r.branchKey(step, i))
		ids = append(ids, id)
		r.change.Runs = append(r.change.Runs, journal.Run{
			ID: id, Event: r.event, Order: r.order, RuleSet: r.set.Hash(), Data: data,
		})
	}
	r.did(step, "%d branches", len(ids))
	r.top().Hold = &holdRecord{Phase: phaseWaiting}
	if err := r.waitUntil(ctx, waitRecord{For: waitParallel, Step: r.stepKey(step)}, time.Time{}); err != nil {
		return err
	}
	for _, id := range slices.Backward(ids) {
		r.b.wakeUp([]wakeUp{{event.Conversation, id}})
	}
	return nil
}

// handBack gives what a branch did to the run that made it.
func (r *run) handBack() error {
	end := stepRecord{Done: true, OK: r.fault == nil, Err: r.fault}
	own := map[string]stepRecord{strings.TrimPrefix(r.id, r.rec.Parent+":"): end}
	for key, rec := range r.steps {
		if !r.inherited[key] {
			own[key] = rec
		}
	}
	for key, rec := range own {
		data, err := json.Marshal(rec)
		if err != nil {
			return fmt.Errorf("run %s: %w", r.id, err)
		}
		r.change.Steps = append(r.change.Steps, journal.Step{Run: r.rec.Parent, Key: key, Data: data})
	}
	return nil
}

// inherit reads the results that a branch sees of the runs around it.
func (r *run) inherit(ctx context.Context) (map[string][]byte, error) {
	all := make(map[string][]byte)
	for parent := r.rec.Parent; parent != ""; {
		stored, ok, err := r.b.journal.Run(ctx, parent)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, errors.New("the run that this is a branch of is gone")
		}
		steps, err := r.b.journal.Steps(ctx, parent)
		if err != nil {
			return nil, err
		}
		for key, data := range steps {
			all[key] = data
		}
		rec, err := readRun(stored)
		if err != nil {
			return nil, err
		}
		parent = rec.Parent
	}
	return all, nil
}

// catchUp tells of the steps of a run that the journal knows and the trace does not, without those that its branches did.
func (t *traceRecord) catchUp(run *runTrace, steps map[string]stepRecord, byPath map[string]*rules.Step) {
	told := make(map[string]bool)
	for _, other := range t.Runs {
		if strings.HasPrefix(other.ID, run.ID+":") {
			for _, s := range other.Steps {
				told[s.Key] = true
			}
		}
	}
	own := make(map[string]stepRecord, len(steps))
	for key, rec := range steps {
		if !told[key] && !branchEnd.MatchString(key) {
			own[key] = rec
		}
	}
	run.catchUp(own, byPath)
}
