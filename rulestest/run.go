package rulestest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
)

// Result is what came of one test.
type Result struct {
	Suite    *Suite
	Test     *Test
	Took     time.Duration // real time
	Failures []Failure     // empty when it passed
}

// Passed reports whether nothing failed.
func (r *Result) Passed() bool { return len(r.Failures) == 0 }

// Failure is one thing that was not as the test wants it.
type Failure struct {
	Pos     rules.Pos
	Step    int    // from 1; 0 for the test as a whole
	Title   string // what the step does
	Message string
	Diff    []DiffLine
	Story   *bot.Story // what the bot made of the step's event; nil when there is none
}

// DiffLine is one line of the difference between what was wanted (-) and what there was (+); both have the rest.
type DiffLine struct {
	Sign byte // '-', '+' or ' '
	Text string
	Pos  rules.Pos // of what was wanted
}

// Run runs one test, as often as its repeat says, until it fails. now tells the real time, for Took. The error is ctx's; what goes
// wrong in the test is among the failures.
func (s *Suite) Run(ctx context.Context, t *Test, now func() time.Time) (*Result, error) {
	res := &Result{Suite: s, Test: t}
	began := now()
	for i := 0; i < t.repeat && res.Passed(); i++ {
		failures, err := s.once(ctx, t)
		if err != nil {
			return nil, err
		}
		if t.repeat > 1 {
			for j := range failures {
				failures[j].Message = fmt.Sprintf("run %d of %d: %s", i+1, t.repeat, failures[j].Message)
			}
		}
		res.Failures = failures
	}
	res.Took = now().Sub(began)
	return res, nil
}

// once runs a test in a world of its own.
func (s *Suite) once(ctx context.Context, t *Test) (failures []Failure, err error) {
	w, err := newWorld(ctx, s, t)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return []Failure{{Pos: t.Pos, Message: err.Error()}}, nil
	}
	defer func() {
		if cerr := w.close(); cerr != nil && err == nil && len(failures) == 0 {
			failures = append(failures, Failure{Pos: t.Pos, Message: cerr.Error()})
		}
	}()
	for i, st := range t.steps {
		for range st.repeat {
			found := s.step1(ctx, w, st)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			for j := range found {
				found[j].Step, found[j].Title = i+1, st.title
			}
			if failures = found; len(failures) > 0 {
				return failures, nil
			}
		}
	}
	rest := slices.DeleteFunc(w.rec.take(), func(a *Act) bool { return a.Action == Notice })
	if len(rest) > 0 {
		f := Failure{Pos: t.Pos, Message: "the bot did more than the test expects"}
		names := w.named()
		for _, a := range rest {
			f.Diff = append(f.Diff, DiffLine{Sign: '+', Text: a.describe(nil, names)})
		}
		failures = append(failures, f)
	}
	return failures, nil
}

// step1 does a step once and looks at what came of it.
func (s *Suite) step1(ctx context.Context, w *world, st *step) []Failure {
	if st.do != nil {
		if err := st.do(ctx, w); err != nil {
			return []Failure{{Pos: st.pos, Message: err.Error()}}
		}
		if err := w.settle(ctx); err != nil {
			if errors.Is(err, bot.ErrStopped) {
				err = errors.Join(err, w.stop())
			}
			return []Failure{{Pos: st.pos, Message: err.Error()}}
		}
	}
	failures := st.check(ctx, w)
	if len(failures) > 0 {
		if story, err := w.story(ctx); err == nil {
			failures[0].Story = story
		}
		w.rec.mu.Lock()
		missing := slices.Sorted(maps.Keys(w.rec.missing))
		w.rec.mu.Unlock()
		if len(missing) > 0 {
			failures[0].Message += "; " + strings.Join(missing, ", ") + " was called and no mock answered"
		}
	}
	return failures
}
