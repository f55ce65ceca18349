package rules

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/timbot-go/timbot/sdkconn"
)

// checkLiterals compares a scan with the naive one.
func checkLiterals(t testing.TB, lits []literal, text string, few, many int) {
	t.Helper()
	got := newLiterals(lits, few, many).scan([]byte(text), nil)
	for i, l := range lits {
		want := l.text != "" && strings.Contains(text, l.text)
		if l.fold {
			want = l.text != "" && strings.Contains(lowerText(text), l.text)
		}
		if slices.Contains(got, uint32(i)) != want {
			t.Fatalf("literal %q (fold %v) in %q: found %v, want %v (few %d, many %d)", l.text, l.fold, text, !want, want, few, many)
		}
	}
}

// literalLimits make newLiterals choose each of its passes.
var literalLimits = [][2]int{{fewLiterals, manyLiterals}, {0, manyLiterals}, {0, 0}}

// The literal index finds what strings.Contains finds. Literals are lines of the first argument; one that begins with a ~
// counts without case.
func FuzzLiterals(f *testing.F) {
	f.Add("abcdef\nhi\n好\n~word\nab\n\x00", "xabcdefHI 好 WORD")
	f.Add("关键词1号\n关键词12号\n关键词\n号", "关键词12号")
	f.Add("aaaaaaa\naaaaaaaa\na\naa\naaa", "aaaaaaaaaaaaaaa")
	f.Add("~k@[`{\n@[`{\n~abcdef", "K@[`{ABCDEF@K")
	f.Add("\xff\xfe\n\xe5\n", "\xff\xfe\xe5\xa5\xbd")
	f.Fuzz(func(t *testing.T, words, text string) {
		if len(words)+len(text) > 1<<12 {
			return
		}
		var lits []literal
		for w := range strings.SplitSeq(words, "\n") {
			if low, ok := strings.CutPrefix(w, "~"); ok {
				lits = append(lits, literal{lowerText(low), true})
			} else {
				lits = append(lits, literal{w, false})
			}
		}
		for _, limits := range literalLimits {
			checkLiterals(t, lits, text, limits[0], limits[1])
		}
	})
}

func TestLiteralsProperty(t *testing.T) {
	piece := rapid.SampledFrom([]string{"a", "b", "A", "ab", "abc", "好", "吗", "微信", "\xff", "k", "@", "`", "1", " "})
	pieces := func(n int) *rapid.Generator[string] {
		return rapid.Map(rapid.SliceOfN(piece, 0, n), func(s []string) string { return strings.Join(s, "") })
	}
	rapid.Check(t, func(t *rapid.T) {
		var lits []literal
		for _, s := range rapid.SliceOfN(pieces(9), 0, 30).Draw(t, "literals") {
			if rapid.Bool().Draw(t, "fold") {
				lits = append(lits, literal{lowerText(s), true})
			} else {
				lits = append(lits, literal{s, false})
			}
		}
		text := pieces(40).Draw(t, "text")
		limits := rapid.SampledFrom(literalLimits).Draw(t, "limits")
		got := newLiterals(lits, limits[0], limits[1]).scan([]byte(text), nil)
		for i, l := range lits {
			in := text
			if l.fold {
				in = lowerText(text)
			}
			if want := l.text != "" && strings.Contains(in, l.text); slices.Contains(got, uint32(i)) != want {
				t.Fatalf("literal %q in %q: found %v", l.text, text, !want)
			}
		}
	})
}

// A windows' choice among literals that have most in common: each has a window that few others have.
func TestLiteralsChooseRareWindows(t *testing.T) {
	var lits []literal
	for i := range 10_000 {
		lits = append(lits, literal{text: fmt.Sprintf("关键词%d号", i)})
	}
	x := newLiterals(lits, fewLiterals, manyLiterals)
	longest := uint32(0)
	for _, g := range x.classes[0].groups {
		longest = max(longest, g.end-g.start)
	}
	if longest > 20 {
		t.Errorf("%d of 10,000 literals share a window", longest)
	}
	checkLiterals(t, lits[:200], "看看关键词17号和关键词1号", 0, 0)
}

// tokens make the words and the texts of the tests that compare the index with the plain scan.
var tokens = []string{
	"加微信", "微信", "退订", "hi", "Hi", "HI", "hello", "k", "\u212A", "s", "ſ", "ß", "SS", "１２３", "123", "/w", "／Ｗ", "@Bot", "@A¨B",
	" ", "　", "\u00a0", "\u200b", "é", "e\u0301", "\u0301", "好", "吗", "。", "cat", "cats", "!", "关键词12号", "关键词123号", "ﬁ", "fi", "K", "Σ", "ς",
	"W", "w", "甲", "乙", "号", "ключ", "КЛЮЧ", "\n", "i", "İ", "ı", "\uFFFD",
}

func tokensOf(min, max int) *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(rapid.SampledFrom(tokens), min, max), func(s []string) string { return strings.Join(s, "") })
}

// drawPattern draws a regular expression.
func drawPattern(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if depth == 0 {
			return rapid.OneOf(
				rapid.Map(tokensOf(1, 2), regexp.QuoteMeta),
				rapid.SampledFrom([]string{`\d`, `\d{1,3}`, `.`, `.*`, `[甲乙]`, `[a-c]`, `\s*`, `^`, `$`, `\b`, `(?i)k`, `[^a]`, `\x{FFFD}`, `(?i:cat)`, `[k-s]`}),
			).Draw(t, "atom")
		}
		a, b := drawPattern(depth-1).Draw(t, "a"), drawPattern(depth-1).Draw(t, "b")
		return rapid.SampledFrom([]string{
			a + b, "(?:" + a + "|" + b + ")", "(?i:" + a + ")" + b, "(?:" + a + ")?" + b, "(" + a + ")+", "(?:" + a + "){2}", "(?:" + a + ")*" + b, a,
		}).Draw(t, "form")
	})
}

// condition draws an `if`.
func condition(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if depth > 0 && rapid.Bool().Draw(t, "inner") {
			a, b := condition(depth-1).Draw(t, "left"), condition(depth-1).Draw(t, "right")
			return fmt.Sprintf(rapid.SampledFrom([]string{"(%s) && (%s)", "(%s) || (%s)", "!(%s) && (%s)", "(%s) and not (%s)", "(%s) ? (%s) : false"}).
				Draw(t, "operator"), a, b)
		}
		word := fmt.Sprintf("%q", strings.ToValidUTF8(tokensOf(1, 2).Draw(t, "word"), ""))
		form := rapid.SampledFrom([]string{
			"msg.text contains %s", "msg.text startsWith %s", "msg.text endsWith %s", "msg.text == %s", "%s == msg.text", "msg.text in [%s, \"hi\"]",
			"not (msg.text contains %s)", "lower(msg.text) contains %s", "any(lists.l, msg.text contains #)", "any([%s, \"hi\"], msg.text startsWith #)",
			`user.id == "alice"`, `user.id in lists.l`, `user.id not in lists.l`, `chat.id == "@TGS#1"`, `chat.type == "group"`, `chat.type != "c2c"`,
			`chat.id == ""`, `msg.text == ""`, `msg.sender == "mallory"`, `event.type == "message.edited"`, "msg.mentions_bot", "msg.mentions_all == true",
			"!msg.mentions_bot", "msg.is_self", "msg.revoked", "event.caught_up", "msg.imported", `user.role == "admin"`, `user.role in ["owner", "admin"]`,
			`(user.role ?? "member") == "member"`, `user.role == nil`, `user.role > "a"`, `user.name == "Mal"`, `user.name contains "M"`, `chat.group_type == "Public"`,
			`chat.name startsWith "g"`, `int(msg.text) > 100`, `state.user.lang == "zh"`, `state.user.x.y == 1`, `state.chat.n > 1`, `len(msg.text) > 5`,
			`any(msg.elems, .kind == "text" && .text contains "hi")`, `any(msg.mentions, # == "bot")`, "true", "false", `msg.text == vars.v`, `vars.v == "hi"`,
			`msg.text matches lists.l[9]`, `msg.seq > 3`, `msg.text matches "(?i)k[at]"`, `now().Hour() > 30 && msg.text contains %s`, `lists.l[9] == msg.text`,
		}).Draw(t, "form")
		if strings.Contains(form, "%s") {
			return fmt.Sprintf(form, word)
		}
		if rapid.IntRange(0, 4).Draw(t, "matches") == 0 {
			return fmt.Sprintf("msg.text matches %q", drawPattern(2).Draw(t, "pattern"))
		}
		return form
	})
}

func ruleText(t *rapid.T, i int) string {
	var b strings.Builder
	stage := rapid.SampledFrom(stageNames).Draw(t, "stage")
	fmt.Fprintf(&b, "  - id: r%d\n    stage: %s\n    priority: %d\n", i, stage, rapid.IntRange(-1, 1).Draw(t, "priority"))
	if stage == "guard" && rapid.IntRange(0, 3).Draw(t, "final") == 0 {
		b.WriteString("    final: true\n")
	}
	if (stage == "main" || stage == "fallback") && rapid.Bool().Draw(t, "continue") {
		b.WriteString("    continue: true\n")
	}
	fmt.Fprintf(&b, "    run: %s\n", rapid.SampledFrom([]string{"live", "live", "live", "shadow", "off"}).Draw(t, "run"))
	fmt.Fprintf(&b, "    include_self: %v\n", rapid.Bool().Draw(t, "self"))
	kind := rapid.IntRange(0, 3).Draw(t, "kind")
	fmt.Fprintf(&b, "    on: %s\n", rapid.SampledFrom([]string{"message", "message.group", "[message, message.edited, message.revoked]"}).Draw(t, "on"))
	if kind != 0 {
		mode := rapid.SampledFrom(matchModes).Draw(t, "mode")
		word := rapid.Map(tokensOf(1, 3), func(s string) string { return s })
		if mode == "regex" {
			word = drawPattern(2)
		}
		fmt.Fprintf(&b, "    match:\n      mode: %s\n      normalize: %s\n", mode, rapid.SampledFrom(slices.Concat(normalizeNames,
			[]string{"{pinyin: true}", "{aliases: {hi: 加微信, cat: k}}"})).Draw(t, "normalize"))
		parts := []string{"any_of", "all_of", "none_of"}
		if mode == "command" {
			parts = []string{"any_of", "none_of"}
		}
		for _, part := range parts {
			if part != parts[0] && rapid.IntRange(0, 2).Draw(t, part) > 0 || rapid.IntRange(0, 9).Draw(t, part) == 0 {
				continue
			}
			words := rapid.SliceOfN(word, 1, 4).Draw(t, "words")
			for i, w := range words {
				words[i] = fmt.Sprintf("%q", w)
			}
			fmt.Fprintf(&b, "      %s: [%s]\n", part, strings.Join(words, ", "))
		}
	}
	if kind != 1 {
		fmt.Fprintf(&b, "    if: %s\n", quoteYAML(condition(2).Draw(t, "if")))
	}
	if rapid.IntRange(0, 4).Draw(t, "limited") == 0 {
		b.WriteString("    limit: {rate: 1/1m, over: drop}\n")
	}
	b.WriteString("    do: [log: x]\n")
	return b.String()
}

func loadText(rules string) (*Set, error) {
	return Load(fstest.MapFS{"bot.yaml": {Data: []byte("version: 1\nvars: {v: hi}\nlists: {l: [alice, bob, 加微信, hi, /w, \"@TGS#1\", cat, \"123\", k, \"(?i)hello\"]}\nrules:\n" +
		rules)}}, "bot.yaml", Options{Catalog: catalog})
}

// event draws an event.
func drawEvent(t *rapid.T) *Event {
	text := tokensOf(0, 8).Draw(t, "text")
	if rapid.IntRange(0, 9).Draw(t, "broken") == 0 {
		text += "\xff好\xe5"
	}
	conv := rapid.SampledFrom([]sdkconn.Conversation{sdkconn.C2C("alice"), sdkconn.Group("@TGS#1"), sdkconn.Group("@TGS#2")}).Draw(t, "conv")
	m := textMsg(rapid.SampledFrom([]string{"alice", "mallory", "bot"}).Draw(t, "sender"), conv, text)
	m.GroupAtUsers = rapid.SampledFrom([][]string{nil, {"bot"}, {sdkconn.MentionAll}, {"alice"}}).Draw(t, "mentions")
	m.Status = rapid.SampledFrom([]sdkconn.Status{sdkconn.StatusSendSucc, sdkconn.StatusSendSucc, sdkconn.StatusRevoked, sdkconn.StatusLocalImported}).Draw(t, "status")
	if rapid.Bool().Draw(t, "member") {
		m.SenderMember = &sdkconn.GroupMemberInfo{NameCard: "Mal", Role: sdkconn.RoleAdmin}
	}
	if rapid.IntRange(0, 4).Draw(t, "no text") == 0 {
		m.Elems = nil
	}
	e := newMsg(m)
	switch rapid.IntRange(0, 4).Draw(t, "event") {
	case 0:
		e.Kind = sdkconn.EventMsgUpdate
	case 1:
		e = &sdkconn.Event{Kind: sdkconn.EventMsgRevoke, At: epoch, Revoked: &sdkconn.Revocation{Locator: sdkconn.Locator{ConvID: conv.ID,
			ConvType: conv.Type, Time: epoch, Seq: 1, Rand: 2, IsSelf: rapid.Bool().Draw(t, "is self")}, RevokerUserID: "alice"}}
	}
	e.CaughtUp = rapid.Bool().Draw(t, "caught up")
	events := Events(e, "bot")
	if len(events) == 0 {
		return &Event{Type: "message.c2c", Key: "0", Self: "bot"}
	}
	return &events[0]
}

func drawFacts(t *rapid.T) *Facts {
	f := facts()
	text := func(name string, values ...string) *string {
		if s := rapid.SampledFrom(append(values, "")).Draw(t, name); s != "" {
			return &s
		}
		return nil
	}
	f.UserRole, f.UserName = text("role", "owner", "admin", "member"), text("name", "Mal", "M")
	f.ChatName, f.GroupType = text("chat name", "g"), text("group type", "Public", "Work")
	f.State.User = map[string]any{"lang": "zh"}
	f.State.Chat = rapid.SampledFrom([]map[string]any{nil, {"n": 2}}).Draw(t, "state")
	closed := rapid.Bool().Draw(t, "closed")
	f.Gate = func(Fired) Gate { return Gate{Closed: closed, Why: "limit"} }
	if rapid.IntRange(0, 5).Draw(t, "taken") == 0 {
		f.Taken = "answer"
	}
	return f
}

// comparable puts a decision into a form that can be compared.
func described(d Decision) string {
	var b strings.Builder
	for _, f := range d.Fired {
		fmt.Fprintf(&b, "fired %s %v %q %+v\n", f.Rule.ID, f.Shadow, f.Why, f.Hit)
	}
	for _, f := range d.Failed {
		fmt.Fprintf(&b, "failed %s %v\n", f.Rule.ID, f.Err)
	}
	for _, f := range d.Dropped {
		fmt.Fprintf(&b, "dropped %s %+v %s\n", f.Rule.ID, f.Hit, f.Why)
	}
	if d.Final != nil {
		fmt.Fprintf(&b, "final %s\n", d.Final.ID)
	}
	return b.String()
}

// The index and the plain scan agree: the same rules fire with the same hits, fail with the same errors, are dropped, for
// all modes, profiles, stages, expressions and events.
func TestIndexAgreesWithScan(t *testing.T) {
	var fired, failed, quiet, narrowed int
	rapid.Check(t, func(t *rapid.T) {
		var file strings.Builder
		file.WriteString("  - {id: any, stage: observe, on: message, do: [log: x]}\n")
		for i := range rapid.IntRange(1, 12).Draw(t, "rules") {
			rule := ruleText(t, i)
			if _, err := loadText(rule); err == nil {
				file.WriteString(rule)
			}
		}
		set, err := loadText(file.String())
		if err != nil {
			t.Fatal(err)
		}
		for range 8 {
			ev, f := drawEvent(t), drawFacts(t)
			want := set.match(ev, f, nil)
			got := set.match(ev, f, set.facts)
			if g, w := described(got), described(want); g != w || !reflect.DeepEqual(got.Final, want.Final) {
				t.Fatalf("%s\n%s %q %+v\nindex:\n%s\nscan:\n%s", file.String(), ev.Type, ev.text(), f, g, w)
			}
			fired += len(got.Fired)
			failed += len(got.Failed)
			if len(got.Fired)+len(got.Failed) == 0 {
				quiet++
			}
		}
		for _, r := range set.Rules {
			if !r.always && r.Mode != ModeOff {
				narrowed++
			}
		}
	})
	if fired < 50 || quiet < 50 || narrowed < 50 {
		t.Errorf("%d fired, %d failed, %d events without, %d rules narrowed down: too few to prove anything", fired, failed, quiet, narrowed)
	}
}
