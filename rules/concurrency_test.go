package rules

import (
	"strings"
	"testing"
	"testing/fstest"
)

// loadError is what Load says of a file.
func loadError(text string) string {
	_, err := Load(fstest.MapFS{"bot.yaml": {Data: []byte("version: 1\n" + text)}}, "bot.yaml", Options{Catalog: catalog})
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestConcurrencyForms(t *testing.T) {
	for _, test := range []struct {
		rule string
		mode ConcurrencyMode
		max  int
	}{
		{"{}", ConcurrencySingle, 0}, {"{per: user, mode: restart}", ConcurrencyRestart, 0},
		{"{mode: queued}", ConcurrencyQueued, DefaultQueued}, {"{mode: queued, max: 3}", ConcurrencyQueued, 3},
		{"{mode: parallel}", ConcurrencyParallel, MaxConcurrency}, {"{max: 2, mode: parallel}", ConcurrencyParallel, 2},
	} {
		c := load(t, "rules: [{id: r, on: message, concurrency: "+test.rule+", do: [log: x]}]").Rules[0].Concurrency
		if c.Mode != test.mode || c.Max != test.max {
			t.Errorf("%s: %s, max %d", test.rule, c.Mode, c.Max)
		}
	}
	for rule, want := range map[string]string{
		"on: message, concurrency: single":                                           "concurrency must be a mapping",
		"on: message, concurrency: {mode: quene}":                                    `did you mean "queued"?`,
		"on: message, concurrency: {pre: user}":                                      `did you mean "per"?`,
		"on: message, concurrency: {per: usr}":                                       `did you mean "user"?`,
		"on: bot.started, concurrency: {per: user}":                                  "bot.started has no user",
		"on: message, concurrency: {max: 2}":                                         "max belongs to `mode: queued` and `mode: parallel`",
		"on: message, concurrency: {mode: queued, max: 0}":                           "max must be a whole number from 1 to 1000",
		"on: message, batch: {}, concurrency: {}":                                    "concurrency or batch",
		"on: message.c2c, session: {}, concurrency: {mode: queued}":                  "mode: queued cannot go with session",
		"on: message.c2c, session: {}, concurrency: {mode: restart}":                 "mode: restart cannot go with session",
		"on: message, limit: {rate: 1/s, over: wait}, concurrency: {mode: queued}":   "mode: queued cannot go with limit's over: wait",
		"on: message, limit: {rate: 1/s, over: wait}, concurrency: {mode: restart}":  "mode: restart cannot go with limit's over: wait",
		`on: message, concurrency: {per: "${{ steps.a.ok }}"}`:                       "no step has run yet",
		"on: message, limit: {rate: 1/s, over: wait}, concurrency: {mode: parallel}": "",
	} {
		got := loadError("rules: [{id: r, " + rule + ", do: [log: x]}]")
		if got == "" != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", rule, got, want)
		}
	}
}
