package bot_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/sdkconn"
)

const parallelRules = `
  - id: r
    on: message.c2c
    do:
      - id: first
        probe.repeat: zero
      - for_each:
          in: [1, 2]
          do:
            - id: both
              parallel:
                - do:
                    - reply: a${{ item }} ${{ steps.first.out.name }}
                    - delay: 1m
                    - id: slow
                      probe.repeat: slow${{ item }}
                    - reply: slow${{ item }}
                - do:
                    - reply: b${{ item }}
                    - id: inner
                      parallel:
                        - do: [delay: 10s, reply: "c${{ item }}"]
                        - do: [reply: "d${{ item }}"]
                    - id: quick
                      probe.repeat: quick${{ item }}
            - reply: ${{ steps.slow.out.name }} ${{ steps.quick.out.name }} ${{ steps.both.ok }}
`

var parallelWant = []string{
	"a1 zero", "b1", "d1", "c1", "slow1", "slow1 quick1 true", "a2 zero", "b2", "d2", "c2", "slow2", "slow2 quick2 true",
}

func TestBranchesRunAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.set(parallelRules))
		began := time.Now()
		h.say("alice", sdkconn.C2C(botUser), "go")
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), parallelWant[:3]...)
		for len(h.heard("alice", sdkconn.C2C(botUser))) < len(parallelWant) && time.Since(began) < time.Hour {
			time.Sleep(time.Second)
			b.idle()
		}
		h.wantHeard("alice", sdkconn.C2C(botUser), parallelWant...)
		if took := time.Since(began); took > 122*time.Second {
			t.Errorf("it took %s, want two minutes: the branches wait for one another", took)
		}
		h.wantCalls("zero", "quick1", "slow1", "quick2", "slow2")
		h.wantNothingOpen()
		story, err := b.Inspector().Why(t.Context(), "last")
		if err != nil {
			t.Fatal(err)
		}
		told := make(map[string]int)
		for _, run := range story.Runs {
			if run.Outcome != "done" {
				t.Errorf("run %s is %s", run.ID, run.Outcome)
			}
			for _, s := range run.Steps {
				if s.Name == "slow" || s.Name == "quick" || s.Name == "first" {
					told[s.Key]++
				}
			}
		}
		if len(story.Runs) != 9 || len(told) != 5 {
			t.Errorf("%d runs, steps %v", len(story.Runs), told)
		}
		for key, n := range told {
			if n != 1 {
				t.Errorf("step %s is told %d times", key, n)
			}
		}
	})
}

func TestABranchThatFails(t *testing.T) {
	for name, tt := range map[string]struct {
		more string
		want []string
	}{
		"ends the run":  {"", []string{"other"}},
		"is gone past":  {", on_error: continue", []string{"other", "after false expression"}},
		"and the other": {", on_error: stop", []string{"other"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				b := h.start(h.set(`
  - id: r
    on: message.c2c
    do:
      - {id: p, parallel: [{do: [{log: "${{ 1 % (len(msg.text) - len(msg.text)) }}"}, {reply: never}]}, {do: [{delay: 5s}, {reply: other}]}]` + tt.more + `}
      - reply: after ${{ steps.p.ok }} ${{ steps.p.error.code }}
`))
				h.say("alice", sdkconn.C2C(botUser), "go")
				b.idle()
				time.Sleep(10 * time.Second)
				b.idle()
				h.wantHeard("alice", sdkconn.C2C(botUser), tt.want...)
				h.wantNothingOpen()
			})
		})
	}
}

// A branch that stands still holds the run up, until a person retries or drops it.
func TestABranchThatStandsStill(t *testing.T) {
	for _, drop := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			h.probe.answers(func(context.Context, *actions.Call, string) error { return errLost() })
			set := h.set(`
  - id: r
    on: message.c2c
    do:
      - {id: p, parallel: [{do: [probe.report: x]}, {do: [reply: other]}], on_error: continue}
      - reply: after ${{ steps.p.ok }} ${{ steps.p.error.code }}
`)
			b := h.start(set)
			h.say("alice", sdkconn.C2C(botUser), "go")
			b.idle()
			h.wantHeard("alice", sdkconn.C2C(botUser), "other")
			letters, err := b.Inspector().DeadLetters(t.Context(), "", 10)
			if err != nil || len(letters) != 1 {
				t.Fatalf("%v %v", letters, err)
			}
			h.probe.answers(nil)
			b.stop()
			b.again(set)
			b.idle()
			if drop {
				err = b.Inspector().DropDead(t.Context(), letters[0].ID)
			} else {
				err = b.Inspector().RetryDead(t.Context(), letters[0].ID)
			}
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			b.idle()
			want := "after true"
			if drop {
				want = "after false branch"
			}
			h.wantHeard("alice", sdkconn.C2C(botUser), "other", strings.TrimSpace(want)+map[bool]string{false: " "}[drop])
			h.wantNothingOpen()
		})
	}
}

func TestBranchesSurviveEveryCrash(t *testing.T) {
	everyCrash(t, parallelRules, func(h *house) {
		h.say("alice", sdkconn.C2C(botUser), "go")
	}, func(t *testing.T, h *house) {
		heard := h.heard("alice", sdkconn.C2C(botUser))
		seen := make(map[string]int)
		for _, text := range heard {
			seen[text]++
		}
		for _, want := range parallelWant {
			if seen[want] != 1 {
				t.Errorf("%q was said %d times: %q", want, seen[want], heard)
			}
		}
		if len(heard) != len(parallelWant) {
			t.Errorf("heard %q", heard)
		}
	})
}
