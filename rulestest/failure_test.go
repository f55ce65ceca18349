package rulestest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/rulestest"
)

// echoRules do things that tests can be wrong about.
const echoRules = `
-- a.yaml --
version: 1
rules:
  - id: echo
    on: message.c2c
    match: { any_of: [say], mode: prefix }
    do:
      - set: { user: { said: "${{ msg.text }}", times: 2 } }
      - archive: { to: log, record: { text: "${{ msg.text }}", who: "${{ user.id }}" } }
      - reply: "${{ msg.text }}"
      - send: { to_user: boss, text: done }
  - id: ads
    on: message.group
    stage: guard
    if: user.role == "member"
    do: [{ revoke: {} }]
  - id: call
    on: message.c2c
    match: { any_of: [call] }
    do:
      - { id: got, http: { url: "http://example.com/" }, on_error: continue }
      - reply: "${{ steps.got.ok ? \"yes\" : steps.got.error.code }}"
  - id: guarded
    on: message.c2c
    run: shadow
    match: { any_of: [say] }
    do: [{ reply: never }]
`

// Each kind of miss has its words and its place.
func TestMisses(t *testing.T) {
	for _, c := range []struct{ name, tests, want string }{
		{"too many acts", `
  - name: t
    steps:
      - send: { from: u, text: say hi }
        expect: [reply: say hi]
`, `
FAIL  a / t   a_test.yaml:6
      step 1, u sends "say hi": the bot did something else
              reply  text "say hi"
      + got   send  in "c2c_boss", to_user "boss", user "u", text "done"
`},
		{"too few acts", `
  - name: t
    steps:
      - send: { from: u, text: say hi }
        expect:
          - reply: say hi
          - send
          - send: { to_user: other }
`, `
FAIL  a / t   a_test.yaml:9
      step 1, u sends "say hi": the bot did something else
              reply  text "say hi"
              send  in "c2c_boss", to_user "boss", user "u", text "done"
      - want  send  to_user "other"
`},
		{"nothing was done", `
  - { name: t, send: { from: u, text: hm }, expect: [reply, send] }
`, `
FAIL  a / t   a_test.yaml:3
      step 1, u sends "hm": the bot was silent
      - want  reply
      - want  send
`},
		{"silence was wanted", `
  - { name: t, send: { from: u, text: say x }, expect: [] }
`, `
FAIL  a / t   a_test.yaml:3
      step 1, u sends "say x": the bot was not silent
      + got   reply  in "c2c_u", to_user "u", user "u", text "say x"
      + got   send  in "c2c_boss", to_user "boss", user "u", text "done"
`},
		{"wrong order", `
  - name: t
    steps:
      - send: { from: u, text: say hi }
        expect:
          - send: { to_user: boss }
          - reply: say hi
`, `
FAIL  a / t   a_test.yaml:7
      step 1, u sends "say hi": the bot did something else
      - want  send  to_user "boss"
              reply  text "say hi"
      + got   send  in "c2c_boss", to_user "boss", user "u", text "done"
`},
		{"wrong field", `
  - name: t
    steps:
      - send: { from: u, text: say hi }
        expect:
          - reply: { text: say ho, in: c2c_u }
          - send: { to_user: chief, text: done, rule: echo, step: "do[4]" }
`, `
FAIL  a / t   a_test.yaml:7
      step 1, u sends "say hi": the bot did something else
      - want  reply  text "say ho"
      + got   reply  text "say hi"
      - want  send  to_user "chief", step "do[4]"
      + got   send  to_user "boss", step "do[3]"
`},
		{"a failed action", `
  - name: t
    given: { groups: { g: { members: [u], bot: member } } }
    steps:
      - send: { in: g, from: u, text: x, as: m }
        expect: [revoke: { msg: m }]
`, `
FAIL  a / t   a_test.yaml:7
      step 1, u sends "x" in g: the bot did something else
      - want  revoke  no error
      + got   revoke  error "revoke: revoke in group_g: Revoke: 10007 ERR_SVR_GROUP_PERMISSION_DENY: not the sender (the bot must be a member of the group, and its owner or an administrator for what is about others)"
`},
		{"left at the end", `
  - name: t
    steps:
      - { send: { from: u, text: hm }, expect: [] }
      - send: { from: u, text: say hi }
`, `
FAIL  a / t   a_test.yaml:3
      the bot did more than the test expects
      + got   reply  in "c2c_u", to_user "u", user "u", text "say hi"
      + got   send  in "c2c_boss", to_user "boss", user "u", text "done"
`},
		{"another archive", `
  - name: t
    steps:
      - send: { from: u, text: say hi }
        expect: [reply, send]
        archived: { log: [{ text: say ho }] }
      - archived: { lag: [] , log: [] }
`, `
FAIL  a / t   a_test.yaml:7
      step 1, u sends "say hi": archive log holds something else
      - want  {text: "say ho"}
      + got   {text: "say hi", who: "u"}
`},
		{"an archive that is not there", `
  - name: t
    steps:
      - send: { from: u, text: say hi }
        expect: [reply, send]
        archived: { lag: [{ text: say hi }] }
`, `
FAIL  a / t   a_test.yaml:7
      step 1, u sends "say hi": archive lag holds something else; there are log
      - want  {text: "say hi"}
`},
		{"another state", `
  - name: t
    steps:
      - send: { from: u, text: say hi }
        expect: [reply, send]
        state: { user: { u: { said: say ho, times: 2, other: { not: null } } } }
`, `
FAIL  a / t   a_test.yaml:7
      step 1, u sends "say hi": state other is something else
      - want  not nothing
      + got   nothing
FAIL  a / t   a_test.yaml:7
      step 1, u sends "say hi": state said is something else
      - want  "say ho"
      + got   "say hi"
`},
		{"another reason", `
  - name: t
    given: { groups: { g: { members: [u] } }, users: { u: { role: admin } } }
    steps:
      - send: { in: g, from: u, text: x }
        expect: []
        why: { ads: none_of }
`, `
FAIL  a / t   a_test.yaml:8
      step 1, u sends "x" in g: why ads: the reason is "no: if  user.role == \"member\"  false  (\"admin\"): user.role == \"member\" was false: user.role was \"admin\""; wanted one with "none_of" in it
`},
		{"it fired", `
  - { name: t, send: { from: u, text: say x }, expect: [reply, send], why: { echo: match } }
`, `
FAIL  a / t   a_test.yaml:3
      step 1, u sends "say x": why echo: it fired; wanted a reason with "match" in it
`},
		{"it did not fire", `
  - { name: t, send: { from: u, text: hm }, why: { echo: fired } }
`, `
FAIL  a / t   a_test.yaml:3
      step 1, u sends "hm": why echo: it did not fire: match  no word of any_of
`},
		{"no mock", `
  - { name: t, send: { from: u, text: call }, expect: [reply: "yes"] }
`, `
FAIL  a / t   a_test.yaml:3
      step 1, u sends "call": the bot did something else; http was called and no mock answered
      - want  reply  text "yes"
      + got   reply  text "no_mock"
`},
		{"the past", `
  - { name: t, steps: [{ advance: 1h }, { at: 2026-01-01 00:30, expect: [] }] }
`, `
FAIL  a / t   a_test.yaml:3
      step 2, at 2026-01-01 00:30: at 2026-01-01 00:30 is in the past: it is 2026-01-01T01:00:00Z by then
`},
		{"no such group", `
  - { name: t, send: { in: nowhere, from: u, text: x }, expect: [] }
`, `
FAIL  a / t   a_test.yaml:3
      step 1, u sends "x" in nowhere: send: send to group_nowhere: SendNewMsg: 10010 ERR_SVR_GROUP_NOT_FOUND: no group "nowhere" (check the group's id)
`},
		{"nothing that the rule listens to", `
  - { name: t, rule: ads, send: { from: u, text: hm }, expect: [] }
`, `
FAIL  a / t   a_test.yaml:3
      rule ads listens to message.group, and no event of this test is one (there were bot.online, bot.started, message.c2c): the test would pass whatever the rule says
`},
		{"a run of many", `
  - { name: t, repeat: 3, send: { from: u, text: hm }, expect: [reply] }
`, `
FAIL  a / t   a_test.yaml:3
      step 1, u sends "hm": run 1 of 3: the bot was silent
      - want  reply
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder(t, echoRules+"-- a_test.yaml --\nversion: 1\ntests:"+c.tests+"given: { users: { boss: {} } }\n")
			got := report(t, rulestest.Runner{}, text, "a_test.yaml")
			want(t, got, c.want+"1 of 1 test failed\n")
		})
	}
}

// A test that asks why its rule was not tried has to send what the rule does not listen to; a schedule is tested before its time.
func TestUnheardOnPurpose(t *testing.T) {
	folder(t, echoRules+`-- a_test.yaml --
version: 1
tests:
  - { name: t, rule: ads, send: { from: u, text: hm }, expect: [], why: { ads: does not listen } }
`)
	want(t, report(t, rulestest.Runner{}, text, "a_test.yaml"), "ok    a  1 test\n")
	folder(t, `
-- a.yaml --
version: 1
rules: [{ id: brief, on: { schedule: { cron: "0 9 * * *" } }, do: [{ send: { to_group: g, text: hi } }] }]
-- a_test.yaml --
version: 1
given: { groups: { g: { members: [u] } } }
tests:
  - { name: not yet, rule: brief, advance: 8h, expect: [] }
  - { name: now, rule: brief, advance: 9h, expect: [send] }
`)
	want(t, report(t, rulestest.Runner{}, text, "a_test.yaml"), "ok    a  2 tests\n")
}

// Each matcher takes what it should, refuses what it should not, and says what it wants.
func TestMatchers(t *testing.T) {
	for _, c := range []struct{ matcher, said, want string }{
		{`"say 1"`, "say 1", ""},
		{`"say 1"`, "say 2", `text "say 1"`},
		{`{ contains: ay }`, "say 1", ""},
		{`{ contains: AY }`, "say 1", `text contains "AY"`},
		{`{ not_contains: x }`, "say 1", ""},
		{`{ not_contains: "1" }`, "say 1", `text not contains "1"`},
		{`{ regex: "^say [0-9]$" }`, "say 1", ""},
		{`{ regex: "^say [0-9]$" }`, "say 12", `text matches /^say [0-9]$/`},
		{`{ one_of: [say 1, { contains: "2" }] }`, "say 2", ""},
		{`{ one_of: [say 1, { contains: "2" }] }`, "say 3", `text one of "say 1", contains "2"`},
		{`{ not: say 2 }`, "say 1", ""},
		{`{ not: { contains: y } }`, "say 1", `text not contains "y"`},
		{`{ expr: 'len(value) == 5' }`, "say 1", ""},
		{`{ expr: 'len(value) == 6' }`, "say 1", `text such that len(value) == 6`},
		{`{ expr: 'value.x.y == 1' }`, "say 1", `text such that value.x.y == 1`}, // that fails is no fit
		{`{ contains: say, regex: "1$" }`, "say 1", ""},
		{`{ contains: say, regex: "1$" }`, "say 2", `text contains "say" and matches /1$/`},
		{`[say 1]`, "say 1", `text ["say 1"]`},
		{`{ a: say 1 }`, "say 1", `text {a: "say 1"}`},
		{`null`, "say 1", `text nothing`},
		{`1`, "say 1", `text 1`},
	} {
		t.Run(c.matcher+" "+c.said, func(t *testing.T) {
			folder(t, echoRules+fmt.Sprintf(`-- a_test.yaml --
version: 1
tests:
  - { name: t, send: { from: u, text: "%s" }, expect: [{ reply: { text: %s } }, send] }
given: { users: { boss: {} } }
`, c.said, c.matcher))
			got := report(t, rulestest.Runner{}, text, "a_test.yaml")
			if c.want == "" {
				want(t, got, "ok    a  1 test\n")
			} else if !strings.Contains(got, "- want  reply  "+c.want+"\n") {
				t.Errorf("got:\n%s\nwant: %s", got, c.want)
			}
		})
	}
}

// Lists and mappings are compared entry by entry, in archives and state.
func TestMatchersOfRecords(t *testing.T) {
	const rules = `
-- a.yaml --
version: 1
rules:
  - id: keep
    on: message.c2c
    do:
      - archive: { to: log, record: { words: [a, b], more: { n: 1, ok: true, at: "${{ now() }}", nothing: "${{ nil }}" } } }
`
	for record, ok := range map[string]bool{
		`{}`:                                     true,
		`{ words: [a, b] }`:                      true,
		`{ words: [a] }`:                         false,
		`{ words: [b, a] }`:                      false,
		`{ words: [{ not: b }, { regex: "." }]}`: true,
		`{ words: { contains: b } }`:             true,
		`{ words: { contains: c } }`:             false,
		`{ words: { not_contains: c } }`:         true,
		`{ more: { n: 1 } }`:                     true,
		`{ more: { n: 1.0, ok: true } }`:         true,
		`{ more: { n: "1" } }`:                   false,
		`{ more: { n: 2 } }`:                     false,
		`{ more: { ok: 1 } }`:                    false,
		`{ more: { nothing: null } }`:            true,
		`{ more: { there: { not: null } } }`:     false,
		`{ more: { expr: value.n + 1 == 2 } }`:   true,
		`{ gone: null }`:                         true,
	} {
		t.Run(record, func(t *testing.T) {
			folder(t, rules+fmt.Sprintf(`-- a_test.yaml --
version: 1
tests:
  - { name: t, send: { from: u, text: x }, expect: [], archived: { log: [%s] } }
`, record))
			all := outcomes(t, rulestest.Runner{}, "a_test.yaml")
			if all[0].Err != nil {
				t.Fatal(all[0].Err)
			}
			if got := all[0].Passed(); got != ok {
				t.Errorf("passed %t, want %t: %v", got, ok, all[0].Results[0].Failures)
			}
		})
	}
}
