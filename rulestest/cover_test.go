package rulestest_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/rulestest"
)

// coverRules has one of everything that can be reached.
const coverRules = `
-- rules.yaml --
version: 1
lists:
  greetings: [你好, 您好]
  words: { file: words.txt }
  regexes: ["a+"]
rules:
  - id: operands
    on: message.c2c
    stage: guard
    if: |
      user.id == "ann" &&
      (msg.text contains "x" || not (msg.text contains "y" and msg.text contains "z"))
    do:
      - log: seen
      - if: msg.text contains "deep"
        do:
          - log: inside
      - if: msg.text contains "stop"
        stop: {}
      - parallel:
          - do: [{ if: msg.text contains "left", log: left }]
          - do: [{ log: right }]
      - for_each:
          in: ["a", "b"]
          do:
            - if: item == "b"
              log: b
  - id: choices
    on: message.c2c
    match: { any_of: "${{ lists.greetings }}", none_of: "${{ lists.words }}" }
    do:
      - choose:
          - if: user.id == "ann"
            do: [{ reply: 一 }]
          - if: user.id == "bob"
            do: [{ reply: 二 }]
      - choose:
          - if: user.id == "cy"
            do: [{ reply: 三 }]
          - do: [{ reply: 四 }]
  - id: words
    on: message.c2c
    match: { all_of: ["${{ lists.words }}"] }
    do: [{ reply: 五 }]
  - id: talk
    on: message.c2c
    match: { any_of: [问], mode: exact }
    session:
      timeout: 5m
      cancel: [算了]
      on_timeout: [{ if: user.id == "ann", reply: 超时 }]
      on_cancel: [{ reply: 好 }]
    do:
      - ask: { text: 几, accept: 'answer.text matches "^[0-9]+$"', tries: 1 }
      - reply: 谢
  - id: expressions
    on: message.c2c
    match: { any_of: "${{ lists.regexes }}", mode: regex }
    do: [{ reply: 六 }]
-- words.txt --
# what nobody says
早

晚
`

func TestCoverage(t *testing.T) {
	missing := func(t *testing.T, tests string) (string, *rulestest.Coverage) {
		t.Helper()
		folder(t, coverRules+"-- rules_test.yaml --\nversion: 1\ntests:\n"+tests)
		all := outcomes(t, rulestest.Runner{Cover: true}, "rules_test.yaml")
		o := all[0]
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		for _, r := range o.Results {
			for _, f := range r.Failures {
				t.Errorf("%s: %s %v", f.Pos, f.Message, f.Diff)
			}
		}
		var b strings.Builder
		for _, m := range o.Coverage.Missing() {
			fmt.Fprintf(&b, "%s %s %s: %s\n", m.Pos, m.Kind, m.Rule, m.Text)
		}
		return b.String(), o.Coverage
	}

	t.Run("nothing", func(t *testing.T) {
		got, c := missing(t, `
  - {name: a, send: {from: dora, text: 嗯}, expect: []}
`)
		want(t, got, `
rules.yaml:3:15 entry : entry "你好" of list greetings was never hit
rules.yaml:3:19 entry : entry "您好" of list greetings was never hit
rules.yaml:7:5 rule operands: never fired
rules.yaml:11:7 operand operands: user.id == "ann" was never true
rules.yaml:12:8 operand operands: msg.text contains "x" was never true
rules.yaml:12:8 operand operands: msg.text contains "x" was never false
rules.yaml:12:38 operand operands: msg.text contains "y" was never true
rules.yaml:12:38 operand operands: msg.text contains "y" was never false
rules.yaml:12:64 operand operands: msg.text contains "z" was never true
rules.yaml:12:64 operand operands: msg.text contains "z" was never false
rules.yaml:15:13 step operands: if msg.text contains "deep" was never taken
rules.yaml:15:13 step operands: if msg.text contains "deep" was never skipped
rules.yaml:18:13 step operands: if msg.text contains "stop" was never taken
rules.yaml:18:13 step operands: if msg.text contains "stop" was never skipped
rules.yaml:21:24 step operands: if msg.text contains "left" was never taken
rules.yaml:21:24 step operands: if msg.text contains "left" was never skipped
rules.yaml:26:19 step operands: if item == "b" was never taken
rules.yaml:26:19 step operands: if item == "b" was never skipped
rules.yaml:28:5 rule choices: never fired
rules.yaml:32:9 choice choices: choose never took none of its branches
rules.yaml:33:17 choice choices: if user.id == "ann" was never taken
rules.yaml:35:17 choice choices: if user.id == "bob" was never taken
rules.yaml:38:17 choice choices: if user.id == "cy" was never taken
rules.yaml:40:13 choice choices: else was never taken
rules.yaml:41:5 rule words: never fired
rules.yaml:45:5 rule talk: never fired
rules.yaml:49:7 exit talk: the dialogue never ended as timed out
rules.yaml:49:7 exit talk: the dialogue never ended as cancelled
rules.yaml:51:26 step talk: if user.id == "ann" was never taken
rules.yaml:51:26 step talk: if user.id == "ann" was never skipped
rules.yaml:54:9 exit talk: ask never ended as answered
rules.yaml:54:9 exit talk: ask never ended as not accepted
rules.yaml:56:5 rule expressions: never fired
words.txt:2:1 entry : entry "早" of list words was never hit
words.txt:4:1 entry : entry "晚" of list words was never hit
`)
		if c.Rules != (rulestest.Share{Reached: 0, All: 5}) || c.Branches.Reached != 1 { // "ann" was false
			t.Errorf("rules %s, branches %s", c.Rules, c.Branches)
		}
	})

	t.Run("everything", func(t *testing.T) {
		got, c := missing(t, `
  - name: operands
    steps:
      - {send: {from: bob, text: 嗯}, expect: []}
      - {send: {from: ann, text: x left}, expect: []}
      - {send: {from: ann, text: deep z}, expect: []}
      - {send: {from: ann, text: y z}, expect: []}
      - {send: {from: ann, text: y stop}, expect: []}
      - {restart: {after: 1m}}
  - name: choices
    steps:
      - {send: {from: ann, text: 你好}, expect: [reply: 一, reply: 四]}
      - {send: {from: bob, text: 您好}, expect: [reply: 二, reply: 四]}
      - {send: {from: cy, text: 你好}, expect: [reply: 三]}
      - {send: {from: cy, text: 早晚}, expect: [reply: 五]}
      - {send: {from: cy, text: aa}, expect: [reply: 六]}
      - {advance: 30d}
      - {send: {from: cy, text: 嗯}, expect: []}
      - {advance: 1d}
      - {advance: 1d} # the bot has forgotten what was in the beginning
  - name: dialogues
    steps:
      - {send: {from: ann, text: 问}, expect: [reply: 几]}
      - {restart: true}
      - {send: {from: ann, text: "1"}, expect: [reply: 谢]}
      - {send: {from: ann, text: 问}, expect: [reply: 几]}
      - {send: {from: ann, text: 一}, expect: []}
      - {send: {from: ann, text: 问}, expect: [reply: 几]}
      - {send: {from: ann, text: 算了}, expect: [reply: 好]}
      - {send: {from: ann, text: 问}, expect: [reply: 几]}
      - {advance: 6m, expect: [reply: 超时]}
      - {send: {from: bob, text: 问}, expect: [reply: 几]}
      - {advance: 6m, expect: []}
`)
		want(t, got, "")
		if c.Rules != (rulestest.Share{Reached: 5, All: 5}) || c.Branches != (rulestest.Share{Reached: 27, All: 27}) {
			t.Errorf("rules %s, branches %s", c.Rules, c.Branches)
		}
		if len(c.Lists) != 2 || c.Lists[0].String() != "2/2" || c.Lists[1].String() != "2/2" {
			t.Errorf("lists %v", c.Lists)
		}
	})
}

// A file's own coverage section, and what the runner is told, fail the run with a sentence and what is missing.
func TestCoverageBelow(t *testing.T) {
	const rules = `
-- a.yaml --
version: 1
rules:
  - {id: one, on: message.c2c, match: {any_of: [a]}, do: [{reply: b}]}
  - {id: two, on: message.c2c, if: msg.text == "c", do: [{reply: d}]}
-- a_test.yaml --
version: 1
tests:
  - {name: first, send: {from: u, text: a}, expect: [reply: b]}
  - {name: second, send: {from: u, text: x}, expect: []}
`
	run := func(section string, r rulestest.Runner) string {
		folder(t, rules+section)
		return report(t, r, text, "a_test.yaml")
	}
	want(t, run("", rulestest.Runner{}), "ok    a  2 tests\n")
	want(t, run("", rulestest.Runner{Cover: true}), "ok    a  2 tests   rules 1/2   branches 1/2\n")
	want(t, run("coverage: {rules: 50, branches: 50}\n", rulestest.Runner{}), "ok    a  2 tests   rules 1/2   branches 1/2\n")
	want(t, run("coverage: {rules: 51}\n", rulestest.Runner{}), `
FAIL  a / coverage   a_test.yaml:5   rules 1/2   branches 1/2
      the tests reach 1/2 of the rules (50%), and must reach 51%
      a.yaml:4  rule two: never fired
      a.yaml:4  rule two: msg.text == "c" was never true
too little is covered by 1 file
`)
	want(t, run("", rulestest.Runner{Least: rulestest.Least{Rules: 80, Branches: 80}}), `
FAIL  a / coverage   a_test.yaml:1   rules 1/2   branches 1/2
      the tests reach 1/2 of the rules (50%), and must reach 80%
      the tests reach 1/2 of the branches (50%), and must reach 80%
      a.yaml:4  rule two: never fired
      a.yaml:4  rule two: msg.text == "c" was never true
too little is covered by 1 file
`)
}

// Lists that tests give in place of the files' own are what counts, and where they are given is where they are told.
func TestCoverageOfGivenLists(t *testing.T) {
	folder(t, `
-- a.yaml --
version: 1
lists: {w: [real], c: [/real]}
rules:
  - {id: one, on: message.c2c, match: {any_of: "${{ lists.w }}"}, do: [{reply: b}]}
  - {id: two, on: message.c2c, match: {any_of: "${{ lists.c }}", mode: command}, do: [{reply: c}]}
-- a_test.yaml --
version: 1
given:
  lists:
    w: [x, y]
    c: [/go, /stop]
tests:
  - {name: first, send: {from: u, text: x}, expect: [reply: b]}
  - {name: second, send: {from: u, text: /go now}, expect: [reply: c]}
`)
	got := report(t, rulestest.Runner{Cover: true}, func(b *strings.Builder) rulestest.Reporter {
		return rulestest.Text(b, rulestest.TextOptions{Missing: true})
	}, "a_test.yaml")
	want(t, got, `
ok    a  2 tests   rules 2/2   branches 0/0   lists c 1/2 w 1/2
      a_test.yaml:4  entry "y" of list w was never hit
      a_test.yaml:5  entry "/stop" of list c was never hit
`)
}

// The page is well formed, names nothing outside, and what people write cannot become markup.
func TestCoveragePage(t *testing.T) {
	folder(t, `
-- a.yaml --
version: 1
lists: {w: ["<script>alert(1)</script>"]}
rules:
  - {id: one, on: message.c2c, match: {any_of: "${{ lists.w }}"}, do: [{reply: b}]}
  - {id: two, on: message.c2c, if: msg.text == "c" && user.id == "<b>", do: [{reply: d}]}
  - {id: three, on: message.c2c, do: [{reply: e}]}
-- a_test.yaml --
version: 1
tests: [{name: first, send: {from: u, text: c}, expect: [reply: e]}]
-- b_test.yaml --
version: 1
rules: [a.yaml]
tests: [{name: first, send: {from: u, text: "<script>alert(1)</script>"}, expect: [reply: b]}]
`)
	var b strings.Builder
	if err := rulestest.WriteHTML(&b, outcomes(t, rulestest.Runner{Cover: true}, "a_test.yaml", "b_test.yaml")); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	lines := make(map[string]string) // id -> class: text
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict = false
	d.AutoClose, d.Entity = []string{"meta"}, xml.HTMLEntity
	var open []string
	id, class := "", ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, token.Name.Local)
			if token.Name.Local == "script" || token.Name.Local == "b" {
				t.Errorf("<%s> came from a rule", token.Name.Local)
			}
			for _, a := range token.Attr {
				switch {
				case a.Name.Local == "id":
					id, class = a.Value, ""
				case a.Name.Local == "class" && token.Name.Local == "div":
					class = a.Value
				case a.Name.Local == "src" || a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#"):
					t.Errorf("%s %s is outside", token.Name.Local, a.Value)
				case a.Name.Local == "title" && token.Name.Local == "div":
					lines[id] = class + "\n" + a.Value
				}
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("%v are not closed", open)
	}
	for id, told := range map[string]string{
		"file1-2": "reached\n✓ list w: \"<script>alert(1)</script>\" was hit",
		"file1-4": "reached\n✓ rule one: fired",
		"file1-5": "half\n✗ never fired\n✗ msg.text == \"c\" was never false\n✓ rule two: msg.text == \"c\": true\n" +
			"✓ rule two: user.id == \"<b>\": false\n✗ user.id == \"<b>\" was never true",
		"file1-6": "reached\n✓ rule three: fired",
	} {
		if lines[id] != told {
			t.Errorf("%s: %q, want %q", id, lines[id], told)
		}
	}
	if strings.Contains(page, "url(") || strings.Contains(page, "@import") || strings.Contains(page, "http") {
		t.Error("the page names something outside")
	}
	if !strings.Contains(page, "3/3 <small>100%</small>") && !strings.Contains(page, "2/3 <small>66%</small>") {
		t.Error("the shares are not there")
	}
	if !strings.Contains(page, `<td class="number">1/1 <small>100%</small></td></tr>`) {
		t.Error("the share of the entries is not there")
	}
}
