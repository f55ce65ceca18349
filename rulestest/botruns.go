package rulestest

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
)

// RunFor runs the tests of a bot's files: those in its folder and below that test a file of the set. It returns what
// failed, a line each: the test's file and place, its name, and why. That there are no tests is a failure too. It blocks
// until all are run or ctx ends; the error is ctx's or that of the folder.
func RunFor(
	ctx context.Context, files bot.Files, set *rules.Set, registry *actions.Registry, now func() time.Time,
) (failed []string, err error) {
	paths, err := Find(filepath.Join(files.Dir, "..."))
	if err != nil {
		return nil, err
	}
	own := make(map[string]bool)
	for _, src := range set.Sources() {
		own[filepath.Join(files.Dir, filepath.FromSlash(src.Name))] = true
	}
	ran := 0
	for _, path := range paths {
		r := &Runner{Registry: registry, Now: now}
		o, err := r.file(ctx, path)
		if err != nil {
			return failed, err
		}
		switch {
		case o == nil:
			continue
		case o.Err != nil:
			first, _, _ := strings.Cut(o.Err.Error(), "\n")
			failed = append(failed, fmt.Sprintf("%s cannot be read: %s", path, first))
			continue
		case !slices.ContainsFunc(o.Suite.Rules, func(name string) bool { return own[name] }):
			continue
		}
		ran += len(o.Results)
		for _, res := range o.Results {
			if res.Passed() {
				continue
			}
			var why []string
			for _, f := range res.Failures {
				why = append(why, f.Message)
			}
			failed = append(failed, fmt.Sprintf("%s:%d: test %q: %s", res.Failures[0].Pos.File, res.Failures[0].Pos.Line,
				res.Test.Title(), strings.Join(why, "; ")))
		}
	}
	if ran == 0 && len(failed) == 0 {
		failed = append(failed,
			fmt.Sprintf("there are no tests of these rules: %s has no file that ends in %s", files.Dir, FileSuffix))
	}
	return failed, nil
}
