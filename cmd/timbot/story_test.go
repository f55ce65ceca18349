package main

import (
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"github.com/timbot-go/timbot/bot"
)

// A story with everything that a tree can show. Columns stay straight beside wide characters.
func TestTellStory(t *testing.T) {
	at := time.Date(2026, 10, 10, 9, 12, 7, 0, time.Local)
	s := &bot.Story{
		Event: bot.StoryEvent{
			Type: "message.group", Time: at, Conversation: "group_店", User: "mallory", Text: "加 微·信\n\x1b[31m了解", CaughtUp: true,
		},
		State: bot.StateOpen, Also: []string{"1.2.3.group_g.0.r"},
		Answer: &bot.StoryAnswer{Run: "k/0/ads", Rule: "ads", Step: "say"},
		Decisions: []bot.StoryDecision{{Type: "message.group", Taken: "answer to order (ask_no)", Rules: []bot.StoryRule{
			{ID: "ads", Outcome: bot.OutcomeFired, Normalize: "strict", Hits: []bot.StoryHit{{Word: "加微信", Text: "加 微·信", Start: 0, End: 12}},
				Parts: []bot.StoryPart{
					{Source: `user.name != "店主"`, Value: "true", Held: true}, {Source: "user.name", Value: `"李四"`, Depth: 1, Held: true},
				}},
			{ID: "limited", Outcome: bot.OutcomeDropped, Why: "limit 1/1h"},
			{ID: "other", Outcome: bot.OutcomeNo, Why: "match  no word of any_of"},
		}, Left: []bot.StoryLeft{{Rules: 9995, Why: "not on message.group"}}}},
		Runs: []bot.StoryRun{
			{ID: "k/0/ads", Rule: "ads", Outcome: "waiting", Wait: &bot.StoryWait{For: "retry", Step: "do[1]", Due: at.Add(time.Minute)},
				More: 7, Steps: []bot.StoryStep{
					{Name: "say", Key: "do[0]", Action: "reply", OK: true, Effect: "e", TookUS: 41_000},
					{Name: "do[1].for_each.do[0]", Key: "do[1].for_each.do[0]#3", Action: "revoke", Code: "10017", Error: "muted\nreally", Note: "tried again in 1s"},
				}},
			{ID: "k/1/gone", Rule: "gone", Outcome: "given up"},
		},
		Notes: []bot.StoryNote{{At: at, Text: "something\x07"}},
	}
	want := `an answer of rule ads (step say) to
message.group  2026-10-10 09:12:07  group_店  mallory  "加 微·信\n␛[31m了解"  (caught up)
  answer to order (ask_no)
  ads      fired    word "加微信" ← "加 微·信" [0:12], normalize strict
                    if  user.name != "店主"  true
                          user.name          "李四"
                    reply say    ok  41ms
                    … 7 more steps
                      revoke #3  failed 10017  tried again in 1s  muted really
                    waits for retry of do[1], until 2026-10-10 09:13:07
  limited  dropped  limit 1/1h
  other    no       match  no word of any_of
  9995 rules  not on message.group
  gone     fired    given up
  09:12:07  something␇
  of the same message: 1.2.3.group_g.0.r
`
	got := tellStory(s, false)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	coloured := tellStory(s, true)
	if !strings.Contains(coloured, "\x1b[32mfired") || strings.Contains(coloured, "\x07") {
		t.Errorf("colours: %q", coloured)
	}
	for code := range strings.SplitSeq("\x1b[2m \x1b[31m \x1b[32m \x1b[33m \x1b[36m \x1b[0m", " ") {
		coloured = strings.ReplaceAll(coloured, code, "")
	}
	if coloured != want {
		t.Errorf("without its colours\n%s", coloured)
	}
}

func TestQuotedIsCutAtItsWidth(t *testing.T) {
	for text, want := range map[string]string{
		"short": `"short"`, "一二三四五": `"一二三四五"`, "一二三四五六": `"一二三四…"`, "abcdefghijk": `"abcdefghi…"`, "a\r\nb": `"a\nb"`,
	} {
		got := quoted(text, 10)
		if got != want || uniseg.StringWidth(got) > 12 {
			t.Errorf("quoted(%q) = %s, want %s", text, got, want)
		}
	}
}
