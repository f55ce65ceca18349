package rules

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestOverlaps(t *testing.T) {
	for _, c := range []struct {
		name, first, second string // what two rules have besides id and do; on: message unless given
		want                string // id of the finding, of the second rule; empty: none
	}{
		{"a word inside", "match: {any_of: [退款, 退货]}", "match: {any_of: [退款进度]}", "shadowed"},
		{"folded", "match: {any_of: [ABC]}", "match: {any_of: [xabcx]}", "shadowed"},
		{"one word is new", "match: {any_of: [退款]}", "match: {any_of: [退款进度, 发票]}", ""},
		{"exact inside contains", "match: {any_of: [退款]}", "match: {any_of: [退款], mode: exact}", "shadowed"},
		{"contains is not exact", "match: {any_of: [退款], mode: exact}", "match: {any_of: [退款]}", ""},
		{"prefix", "match: {any_of: [ab], mode: prefix}", "match: {any_of: [abc], mode: exact}", "shadowed"},
		{"word inside word", "match: {any_of: [cat], mode: word}", "match: {any_of: [catfish], mode: word}", ""},
		{"other normalize", "match: {any_of: [a]}", "match: {any_of: [a], normalize: none}", ""},
		{"all_of", "match: {any_of: [a]}", "match: {all_of: [xa, b]}", "shadowed"},
		{"first wants both", "match: {all_of: [a, b]}", "match: {any_of: [a, b]}", ""},
		{"first bars", "match: {any_of: [a], none_of: [b]}", "match: {any_of: [a]}", ""},
		{"both bar", "match: {any_of: [a], none_of: [bc]}", "match: {any_of: [a], none_of: [b]}", "shadowed"},
		{"first bars more", "match: {any_of: [a], none_of: [b]}", "match: {any_of: [a], none_of: [bc]}", ""},
		{"same if", `if: msg.mentions_bot`, `if: chat.type == "group" && msg.mentions_bot`, "shadowed"},
		{"other if", `if: msg.mentions_bot`, `if: chat.type == "group"`, ""},
		{"if of the match", `match: {any_of: [a]}, if: len(match.words) == 1`, `match: {any_of: [a]}, if: len(match.words) == 1`, ""},
		{"continue", "match: {any_of: [a]}, continue: true", "match: {any_of: [a]}", ""},
		{"limit drops", "match: {any_of: [a]}, limit: {rate: 1/1m}", "match: {any_of: [a]}", ""},
		{"limit waits", "match: {any_of: [a]}, limit: {rate: 1/1m, over: wait}", "match: {any_of: [a]}", ""},
		{"limit replies", "match: {any_of: [a]}, limit: {rate: 1/1m, over: reply, reply: no}", "match: {any_of: [a]}", "shadowed"},
		{"session", "match: {any_of: [a]}, session: {}", "match: {any_of: [a]}", ""},
		{"batch", "match: {any_of: [a]}, batch: {}", "match: {any_of: [a]}", ""},
		{"shadow", "match: {any_of: [a]}, run: shadow", "match: {any_of: [a]}", ""},
		{"off", "match: {any_of: [a]}", "match: {any_of: [a]}, run: off", ""},
		{"priority", "match: {any_of: [a]}", "match: {any_of: [ab]}, priority: 1", ""},
		{"fewer events", "on: message.c2c, match: {any_of: [a]}", "match: {any_of: [a]}", ""},
		{"more events", "match: {any_of: [a]}", "on: message.c2c, match: {any_of: [a]}", "shadowed"},
		{"own messages", "match: {any_of: [a]}", "match: {any_of: [a]}, include_self: true", ""},
		{"other stage", "match: {any_of: [a]}", "stage: fallback, match: {any_of: [a]}", "shadowed"},
		{"observe", "match: {any_of: [a]}", "stage: observe, match: {any_of: [a]}, do: [log: x]", ""},
		{"final guard", "stage: guard, final: true, match: {any_of: [a]}", "match: {any_of: [ab]}", "shadowed"},
		{"guard that is not final", "stage: guard, match: {any_of: [a]}", "match: {any_of: [ab]}", ""},
		{"guard with if", `stage: guard, final: true, if: user.role != "owner"`, `if: user.role != "owner"`, ""},
		{"regex", "match: {any_of: ['a+'], mode: regex}", "match: {any_of: ['a+'], mode: regex}", "shadowed"},
		{"command", "match: {any_of: [/a], mode: command}", "match: {any_of: [/a, /b], mode: command}", ""},

		{"if false", "if: msg.mentions_bot", "if: false", "never-fires"},
		{"two texts", "if: msg.mentions_bot", `if: user.id == "a" && user.id == "b"`, "never-fires"},
		{"either text", "if: msg.mentions_bot", `if: user.id == "a" || user.id == "b"`, ""},
		{"wrong chat", "if: msg.mentions_bot", `on: message.group, if: chat.type == "c2c"`, "never-fires"},
		{"right chat", "if: msg.mentions_bot", `on: message, if: chat.type == "c2c"`, ""},
		{"wrong event", "if: msg.mentions_bot", `if: event.type == "message.edited"`, "never-fires"},
		{"barred", "if: msg.mentions_bot", "match: {any_of: [不要加微信], none_of: [加微信]}", "never-fires"},
		{"one is barred", "if: msg.mentions_bot", "match: {any_of: [不要加微信, 微信], none_of: [加微信]}", ""},
		{"two whole texts", "if: msg.mentions_bot", "match: {all_of: [a, b], mode: exact}", "never-fires"},
	} {
		text := "version: 1\nrules:\n"
		for i, rule := range []string{c.first, c.second} {
			if !strings.Contains(rule, "on: message") {
				rule = "on: message, " + rule
			}
			if !strings.Contains(rule, "do: ") {
				rule += ", do: [reply: hi]"
			}
			text += "  - {id: r" + string(rune('1'+i)) + ", " + rule + "}\n"
		}
		set, err := Load(fstest.MapFS{"bot.yaml": {Data: []byte(text)}}, "bot.yaml", Options{Catalog: catalog})
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, text)
			continue
		}
		got := ""
		for _, w := range set.Overlaps() {
			got += w.ID
			if w.Rule != "r2" || w.Line != 4 || w.ID == "shadowed" && w.Other.Line != 3 {
				t.Errorf("%s: %+v", c.name, w)
			}
		}
		if got != c.want {
			t.Errorf("%s: found %q, want %q\n%s", c.name, got, c.want, text)
		}
	}
}
