package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

const (
	// maxCountKey bounds a counter's key in bytes; of a longer one it is its hash.
	maxCountKey = 200

	// scopeDecay begins the scope of a count that decays; what follows is its key.
	scopeDecay = "decay/"

	// decayEntry is the one key in such a scope.
	decayEntry = "v"

	// decaySpan is how many half-lives a count that decays is kept: less than a thousandth of a mark is left of one then.
	decaySpan = 10
)

// decayRecord is a count that decays, as it was at a moment.
type decayRecord struct {
	Value float64 `json:"value"`
	At    int64   `json:"at"` // Unix milliseconds
}

// at is what is left of it after the given time.
func (d decayRecord) at(now time.Time, half time.Duration) float64 {
	passed := max(now.Sub(time.UnixMilli(d.At)), 0) // a clock that was put back
	return d.Value * math.Exp2(-float64(passed)/float64(half))
}

// counterKey is the journal's name of what a rule counts under a key.
func counterKey(key string) string {
	if len(key) > maxCountKey {
		sum := sha256.Sum256([]byte(key))
		return "h/" + hex.EncodeToString(sum[:])
	}
	return "x/" + key
}

// count does a count step: the mark, the step's result and the place after it are one commit, so that a crash neither
// loses nor doubles it. Errors are the journal's, or ctx's.
func (r *run) count(ctx context.Context, step *rules.Step) (outcome, error) {
	key, err := step.Count.Key(r.scope)
	if err != nil {
		return r.over(r.failed(step, codeExpression, err)), nil
	}
	name := counterKey(key)
	unlock, err := r.b.counters.lock(ctx, name) // other conversations count under the same key
	if err != nil {
		return stepGoesOn, err
	}
	defer unlock()
	for {
		change, rec, told := *r.change, r.rec, slices.Clone(r.traced().Steps)
		rec.Frames = slices.Clone(rec.Frames)
		value, err := r.mark(ctx, name, step.Count)
		if err != nil {
			return stepGoesOn, err
		}
		result, err := newStepRecord(true, nil, fmt.Sprint(value), value, nil)
		if err != nil {
			return r.over(r.failed(step, codeFailed, err)), nil
		}
		r.attempt = stepTrace{
			Key: r.stepKey(step), Name: stepName(step), Action: actionName(step), Began: r.b.clock.Now().UnixMilli(),
			Note: fmt.Sprintf("%v under %s", value, key),
		}
		r.record(step, result)
		if err = r.commit(ctx); !errors.Is(err, journal.ErrConflict) {
			return stepGoesOn, err
		}
		r.change, r.rec, r.traced().Steps = &change, rec, told // nothing was applied
	}
}

// mark puts a mark into the next commit and returns the number with it.
func (r *run) mark(ctx context.Context, name string, c *rules.Count) (any, error) {
	now := r.b.clock.Now()
	if c.Decay == 0 {
		since := now.Add(-c.Window)
		n, err := r.b.journal.Count(ctx, name, since, now)
		if err != nil {
			return nil, err
		}
		keep := max(r.b.rules().CountWindow(), r.set.CountWindow())
		r.change.Counts = append(r.change.Counts, journal.CountWrite{
			Key: name, At: now, Before: n, Since: since, Expire: now.Add(keep),
		})
		return int64(n + 1), nil
	}
	kept, err := r.b.journal.State(ctx, scopeDecay+name)
	if err != nil {
		return nil, err
	}
	var d decayRecord
	if data := kept[decayEntry]; data != nil {
		if err := json.Unmarshal(data, &d); err != nil {
			return nil, fmt.Errorf("count %s: %w", name, err)
		}
	}
	d = decayRecord{d.at(now, c.Decay) + 1, now.UnixMilli()}
	data, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("count %s: %w", name, err)
	}
	life := time.Duration(float64(c.Decay) * (decaySpan + math.Log2(d.Value)))
	r.change.State = append(r.change.State, journal.StateWrite{
		Scope: scopeDecay + name, Key: decayEntry, Value: data, Expire: now.Add(life),
	})
	return d.Value, nil
}

// counted answers count(key, window) in expressions. What the journal could not tell because ctx ended ends the work at
// hand: nothing that was decided without it is written down.
func (r *run) counted(ctx context.Context) func(string, time.Duration) (int, error) {
	return func(key string, window time.Duration) (int, error) {
		now := r.b.clock.Now()
		n, err := r.b.journal.Count(ctx, counterKey(key), now.Add(-window), now)
		if err != nil {
			r.lost = err
		}
		return n, err
	}
}
