package bot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

// oldSets is how many rule sets that runs began with are kept parsed beside the bot's own.
const oldSets = 8

// version is a rule set as the bot works by it.
type version struct {
	set    *rules.Set
	stored journal.RuleSet // the set as the journal keeps it
	since  time.Time       // when it took the place of another one
}

func newVersion(set *rules.Set) (*version, error) {
	stored, err := newRuleSet(set)
	if err != nil {
		return nil, fmt.Errorf("rule set: %w", err)
	}
	return &version{set: set, stored: stored}, nil
}

// version is what decides about the next event. Who decides about one event asks once.
func (b *Bot) version() *version { return b.current.Load() }

// rules is the rule set of the moment.
func (b *Bot) rules() *rules.Set { return b.version().set }

// RuleSet is the hash of the rules that decide about the next event.
func (b *Bot) RuleSet() string { return b.rules().Hash() }

// Tests runs a bot's tests on the files that a rule set was read from, and returns what failed, each as one line for
// people. The error is ctx's, or says why they could not be run.
type Tests func(ctx context.Context, set *rules.Set) (failed []string, err error)

// WithTests sets who runs the bot's tests before it goes on by changed files, as `reload` of its section says. The default
// is nobody: then they are not run.
func WithTests(t Tests) Option { return func(b *Bot) { b.tests = t } }

// testsTimeout is how long a reload waits for the tests.
const testsTimeout = 5 * time.Minute

// TestsError says that a bot's tests failed.
type TestsError struct {
	Failed []string // one line each
}

// Error names the first test that failed.
func (e *TestsError) Error() string {
	if n := len(e.Failed) - 1; n > 0 {
		return fmt.Sprintf("%s (and %d more)", e.Failed[0], n)
	}
	return e.Failed[0]
}

// Reload lets the bot go on by another rule set, from the next event on that it looks at; events that wait are decided by
// the new one. Runs in progress finish on the set that they began with. It blocks while the bot's tests are run, if they
// are, and else does not wait. The set must be checked against the bot's own actions.
//
// A set for another connection is refused, and one whose tests fail when they are required (*TestsError): the bot keeps its
// own.
func (b *Bot) Reload(set *rules.Set) error {
	v, err := newVersion(set)
	if err != nil {
		return err
	}
	b.reloading.Lock()
	defer b.reloading.Unlock()
	old := b.version()
	if set.Bot.Connection != old.set.Bot.Connection {
		return errors.New("reload: bot.connection has changed: restart the bot")
	}
	if err := b.test(old.set, set); err != nil {
		return err
	}
	if set.Bot.Webhooks.Listen != old.set.Bot.Webhooks.Listen {
		b.log.Warn("bot.webhooks.listen has changed: restart the bot to listen there")
	}
	b.notReloaded.Store(nil)
	b.keepSet(old.set)
	v.since = b.clock.Now()
	b.usePlugins(set)
	b.current.Store(v)
	b.jobs.tell(false)
	b.directory.warm(set) // which may ask for more
	b.log.Info("rules reloaded", "rules", len(set.Rules), "rule_set", set.Hash(), "before", old.set.Hash())
	return nil
}

// test runs the tests that the reload of a set waits for.
func (b *Bot) test(old, set *rules.Set) error {
	mode := max(old.Bot.Reload.Tests, set.Bot.Reload.Tests)
	if mode == rules.TestsOff || b.tests == nil || old.Hash() == set.Hash() {
		return nil
	}
	ctx, cancel := withTimeout(b.stopped, b.clock, testsTimeout)
	defer cancel()
	failed, err := b.tests(ctx, set)
	if err != nil {
		failed = append(failed, "the tests could not be run: "+err.Error())
	}
	switch {
	case len(failed) == 0:
		return nil
	case mode == rules.TestsRequire:
		return &TestsError{failed}
	}
	b.report(b.stopped, "tests", "the changed rules are used although a test fails: "+(&TestsError{failed}).Error())
	return nil
}

// NotReloaded tells people that changed files were not taken, and why: in the log, and in bot.ops_group at most once a
// minute. err is what Load or Reload returned.
func (b *Bot) NotReloaded(ctx context.Context, err error) {
	why := err.Error()
	var found rules.Errors
	if errors.As(err, &found) {
		why = found[0].Error()
		if n := len(found) - 1; n > 0 {
			why += fmt.Sprintf(" (and %d more)", n)
		}
	}
	b.notReloaded.Store(&why)
	b.report(ctx, "reload", "the changed rules are not used, the bot goes on by those that it has: "+why)
}

// keepSet remembers a parsed rule set; the one that was kept longest goes.
func (b *Bot) keepSet(set *rules.Set) {
	b.oldMu.Lock()
	defer b.oldMu.Unlock()
	b.old = slices.DeleteFunc(b.old, func(o *rules.Set) bool { return o.Hash() == set.Hash() })
	b.old = append(b.old, set)
	if len(b.old) > oldSets {
		b.old = slices.Delete(b.old, 0, 1)
	}
}

func (b *Bot) keptSet(hash string) *rules.Set {
	b.oldMu.Lock()
	defer b.oldMu.Unlock()
	i := slices.IndexFunc(b.old, func(o *rules.Set) bool { return o.Hash() == hash })
	if i < 0 {
		return nil
	}
	return b.old[i]
}

// ruleSet returns the rule set with that hash: the bot's own, or the one that the journal keeps for the run.
func (b *Bot) ruleSet(ctx context.Context, hash string) (*rules.Set, error) {
	if set := b.rules(); hash == set.Hash() {
		return set, nil
	}
	if set := b.keptSet(hash); set != nil {
		return set, nil
	}
	set, err := storedSet(ctx, b.journal, b.actions, hash, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	b.keepSet(set)
	return set, nil
}

// storedSet compiles a rule set that a journal keeps. env looks secrets up.
func storedSet(
	ctx context.Context, j journal.Journal, registry *actions.Registry, hash string, env func(string) (string, bool),
) (*rules.Set, error) {
	stored, err := j.RuleSet(ctx, hash)
	if err != nil {
		return nil, err
	}
	var rec ruleSetRecord
	if err := json.Unmarshal(stored.Data, &rec); err != nil {
		return nil, fmt.Errorf("rule set %s: %w", hash, err)
	}
	fsys, err := rules.SourceFS(rec.Sources)
	if err != nil {
		return nil, fmt.Errorf("rule set %s: %w", hash, err)
	}
	set, err := rules.Load(fsys, rec.File, rules.Options{Catalog: Catalog(registry), Env: env})
	if err != nil {
		return nil, fmt.Errorf("rule set %s: %w", hash, err)
	}
	return set, nil
}
