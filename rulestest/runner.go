package rulestest

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/timbot-go/timbot/actions"
)

// Runner runs test files. Registry and Now must be set.
type Runner struct {
	Registry *actions.Registry // of what steps may name; plugins' actions are among them
	Now      func() time.Time  // the real time
	Only     *regexp.Regexp    // only tests whose FILE/TITLE it matches; nil: all
	Report   Reporter          // told as it goes on; nil: nobody
}

// ErrNoTests is returned by Run when no test was run.
var ErrNoTests = errors.New("no tests were run")

// Run runs the tests of some files, one file after the other, and returns what came of them. It blocks until all are done or
// ctx ends. The error is ctx's, the reporter's, or ErrNoTests; failures are in the outcomes.
func (r *Runner) Run(ctx context.Context, paths []string) ([]*Outcome, error) {
	var all []*Outcome
	ran := 0
	for _, path := range slices.Compact(paths) {
		o, err := r.file(ctx, path)
		if err != nil {
			return all, err
		}
		if o == nil {
			continue
		}
		ran++
		all = append(all, o)
		if r.Report != nil {
			if err := r.Report.File(o); err != nil {
				return all, err
			}
		}
	}
	if ran == 0 {
		return nil, ErrNoTests
	}
	if r.Report != nil {
		return all, r.Report.End(all)
	}
	return all, nil
}

// file runs the tests of one file; nil when none of them was asked for.
func (r *Runner) file(ctx context.Context, path string) (_ *Outcome, err error) {
	o := &Outcome{Path: path}
	began := r.Now()
	defer func() { o.Took = r.Now().Sub(began) }()
	if o.Suite, o.Err = Load(path, r.Registry); o.Err != nil {
		return o, ctx.Err()
	}
	defer func() { err = errors.Join(err, o.Suite.Close()) }()
	for _, t := range o.Suite.Tests {
		if r.Only != nil && !r.Only.MatchString(o.Suite.Name+"/"+t.Title()) {
			continue
		}
		res, err := o.Suite.Run(ctx, t, r.Now)
		if err != nil {
			return nil, err
		}
		o.Results = append(o.Results, res)
	}
	if len(o.Results) == 0 {
		return nil, nil
	}
	return o, nil
}
