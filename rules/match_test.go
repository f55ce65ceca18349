package rules

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMatchModes(t *testing.T) {
	tests := map[string]struct {
		match string
		text  string
		words []string // nil: no match
		hits  []string // what the spans cover
	}{
		"contains":                      {"{any_of: [营业时间]}", "请问营业时间？", []string{"营业时间"}, []string{"营业时间"}},
		"contains folds case":           {"{any_of: [Opening Hours]}", "OPENING hours?", []string{"Opening Hours"}, []string{"OPENING hours"}},
		"contains folds width":          {"{any_of: [abc123]}", "ＡＢＣ１２３", []string{"abc123"}, []string{"ＡＢＣ１２３"}},
		"contains folds sharp s":        {"{any_of: [strasse]}", "die Straße", []string{"strasse"}, []string{"Straße"}},
		"contains drops zero width":     {"{any_of: [加微信]}", "加\u200b微\ufe0f信吗", []string{"加微信"}, []string{"加\u200b微\ufe0f信"}},
		"zero width at the ends stays":  {"{any_of: [微信]}", "加\u200b微信\u200b吗", []string{"微信"}, []string{"微信"}},
		"contains folds a ligature":     {"{any_of: [fi]}", "ofﬁce", []string{"fi"}, []string{"ﬁ"}},
		"part of a ligature is whole":   {"{any_of: [f]}", "ﬁ", []string{"f"}, []string{"ﬁ"}},
		"combining mark is composed":    {"{any_of: [é]}", "cafe\u0301!", []string{"é"}, []string{"e\u0301"}},
		"base without its mark":         {"{any_of: [cafe]}", "cafe\u0301", nil, nil},
		"normalize none is exact bytes": {"{any_of: [Hi], normalize: none}", "hi", nil, nil},
		"normalize none finds":          {"{any_of: [Hi], normalize: none}", "oh Hi", []string{"Hi"}, []string{"Hi"}},
		"several words in file order":   {"{any_of: [b, zz, a]}", "a b", []string{"b", "a"}, []string{"b", "a"}},
		"all_of needs all":              {"{all_of: [a, b]}", "a c", nil, nil},
		"all_of before any_of":          {"{all_of: [b], any_of: [a, x]}", "a b", []string{"b", "a"}, []string{"b", "a"}},
		"none_of":                       {"{any_of: [加微信], none_of: [不要加微信]}", "请不要加微信", nil, nil},
		"none_of alone":                 {"{none_of: [a]}", "b", []string{}, nil},
		"a single word":                 {"{any_of: hi}", "hi", []string{"hi"}, []string{"hi"}},
		"exact":                         {"{mode: exact, any_of: [帮助]}", " 帮助\n", []string{"帮助"}, []string{"帮助"}},
		"exact is not more":             {"{mode: exact, any_of: [帮助]}", "帮助我", nil, nil},
		"prefix":                        {"{mode: prefix, any_of: [查]}", " 查订单", []string{"查"}, []string{"查"}},
		"prefix not inside":             {"{mode: prefix, any_of: [查]}", "请查", nil, nil},
		"word":                          {"{mode: word, any_of: [cat]}", "a cat.", []string{"cat"}, []string{"cat"}},
		"word not in a longer one":      {"{mode: word, any_of: [cat]}", "concatenate cats", nil, nil},
		"word beside Chinese":           {"{mode: word, any_of: [cat]}", "我的cat呢", []string{"cat"}, []string{"cat"}},
		"a Han word is where it stands": {"{mode: word, any_of: [微信]}", "加微信吗", []string{"微信"}, []string{"微信"}},
		"word after a longer one":       {"{mode: word, any_of: [cat]}", "cats cat", []string{"cat"}, []string{"cat"}},
		"word in Cyrillic":              {"{mode: word, any_of: [кот]}", "который", nil, nil},
		"regex":                         {"{mode: regex, any_of: ['[0-9]{3}']}", "no 123!", []string{"123"}, []string{"123"}},
		"regex sees folded text":        {"{mode: regex, any_of: ['[0-9]{3}']}", "no １２３!", []string{"１２３"}, []string{"１２３"}},
		"regex ignores case under chat": {"{mode: regex, any_of: ['[A-Z]+X']}", "abx", []string{"abx"}, []string{"abx"}},
		"regex literal is folded":       {"{mode: regex, any_of: ['订单：(\\d+)']}", "订单：12", []string{"订单：12"}, []string{"订单：12"}},
		"regex none keeps case":         {"{mode: regex, any_of: ['[A-Z]+X'], normalize: none}", "abx", nil, nil},
		"regex may match nothing":       {"{mode: regex, any_of: ['x*$']}", "ＡＢ", []string{""}, []string{""}},
		"regex group of a part":         {"{mode: regex, any_of: ['\\bb']}", "Ａ ﬁ b", []string{"b"}, []string{"b"}},
		"command":                       {"{mode: command, any_of: [/weather]}", "/weather 北京", []string{"/weather"}, []string{"/weather"}},
		"command without slash":         {"{mode: command, any_of: [天气]}", "天气 北京", []string{"天气"}, []string{"天气"}},
		"command is the first word":     {"{mode: command, any_of: [/weather]}", "a /weather", nil, nil},
		"command is a whole word":       {"{mode: command, any_of: [/weather]}", "/weathers", nil, nil},
		"command folds":                 {"{mode: command, any_of: [/Weather]}", "／ＷＥＡＴＨＥＲ x", []string{"/Weather"}, []string{"／ＷＥＡＴＨＥＲ"}},
		"command in capitals":           {"{mode: command, any_of: [/weather]}", " /WEATHER Beijing", []string{"/weather"}, []string{"/WEATHER"}},
		"command of two in capitals":    {"{mode: command, any_of: [/w]}", "/W", []string{"/w"}, []string{"/W"}},
		"exact in capitals":             {"{mode: exact, any_of: [sure]}", "SURE ", []string{"sure"}, []string{"SURE"}},
		"prefix in capitals":            {"{mode: prefix, any_of: [ok]}", " OK then", []string{"ok"}, []string{"OK"}},
		"a long prefix in capitals":     {"{mode: prefix, any_of: [of course]}", "Of Course not", []string{"of course"}, []string{"Of Course"}},
		"command none":                  {"{mode: command, any_of: [/weather], normalize: none}", "/Weather", nil, nil},
		"empty text":                    {"{any_of: [a]}", "", nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			set := load(t, "rules: [{id: r, on: message, match: "+test.match+", do: [log: x]}]")
			ev := c2c(test.text)
			d := set.Match(ev, facts())
			if (len(d.Fired) == 1) != (test.words != nil) {
				t.Fatalf("fired %v, want a match: %v", ids(d), test.words != nil)
			}
			if test.words == nil {
				return
			}
			hit := d.Fired[0].Hit
			if !slices.Equal(hit.Words, test.words) {
				t.Errorf("words %q, want %q", hit.Words, test.words)
			}
			var covered []string
			for _, s := range hit.Spans {
				covered = append(covered, test.text[s.Start:s.End])
			}
			if !slices.Equal(covered, test.hits) {
				t.Errorf("spans cover %q, want %q", covered, test.hits)
			}
		})
	}
}

func TestRegexGroups(t *testing.T) {
	set := load(t, `rules: [{id: r, on: message, match: {mode: regex, any_of: ["我叫(?P<name>\\S+)", "no (?P<no>[0-9]+)(?P<opt>x)?"]},
  if: 'match.groups.name == "Alice"', do: [log: x]}]`)
	d := set.Match(c2c("我叫Alice no ４２"), facts())
	if len(d.Fired) != 1 {
		t.Fatal("did not fire")
	}
	want := map[string]string{"name": "Alice", "no": "４２"}
	if got := d.Fired[0].Hit.Groups; !reflect.DeepEqual(got, want) {
		t.Errorf("groups %q, want %q: as the text spells them", got, want)
	}
}

func TestCommandArgs(t *testing.T) {
	set := load(t, `rules: [{id: r, on: message, match: {mode: command, any_of: [/w]}, if: len(args) < 9, do: [log: "${{ join(args, '|') }}"]}]`)
	for text, want := range map[string][]string{
		"/w":                         {},
		"/w  a\tb ":                  {"a", "b"},
		`/w "a b" 'c d' “e f” 「g h」`: {"a b", "c d", "e f", "g h"},
		`/w it's "a"b "open`:         {"it's", `"a"b`, `"open`},
		`/w ""`:                      {""},
	} {
		d := set.Match(c2c(text), facts())
		if len(d.Fired) != 1 || !slices.Equal(d.Fired[0].Hit.Args, want) {
			t.Errorf("%q: %+v, want args %q", text, d.Fired, want)
			continue
		}
		in, err := d.Fired[0].Rule.Steps[0].Inputs(scope(c2c(text), facts(), &d.Fired[0].Hit))
		if err != nil || in["text"] != strings.Join(want, "|") {
			t.Errorf("%q: log %v, %v", text, in, err)
		}
	}
	ev := said("@Bot /w x")
	if d := set.Match(ev, facts()); len(d.Fired) != 0 {
		t.Error("a command after @NAME fired without a mention")
	}
	ev.Source.Message.GroupAtUsers = []string{"bot"}
	if d := set.Match(ev, facts()); len(d.Fired) != 1 || !slices.Equal(d.Fired[0].Hit.Args, []string{"x"}) {
		t.Errorf("a command after a mention of the bot: %+v", d.Fired)
	}
}

func TestOrder(t *testing.T) {
	const all = `
  - {id: obs2, stage: observe, on: message, do: [log: x]}
  - {id: main1, on: message, do: [log: x]}
  - {id: main2, on: message, do: [log: x]}
  - {id: fall1, stage: fallback, on: message, do: [log: x]}
  - {id: guard1, stage: guard, on: message, do: [log: x]}
  - {id: guard2, stage: guard, on: message, do: [log: x], priority: 5}
  - {id: obs1, stage: observe, on: message, do: [log: x], priority: 1}
`
	tests := map[string]struct {
		rules string
		want  string
	}{
		"stages, priority, file order": {all, "guard2 guard1 main1 obs1 obs2"},
		"no main, so fallback":         {strings.ReplaceAll(all, "main", "fallback, id2: x") + "", ""},
		"final stops main and fallback, not guard and not observe": {
			strings.Replace(all, "id: guard2", "final: true, id: guard2", 1), "guard2 guard1 obs1 obs2"},
		"continue goes on":                   {strings.Replace(all, "id: main1", "continue: true, id: main1", 1), "guard2 guard1 main1 main2 obs1 obs2"},
		"a shadow never wins":                {strings.Replace(all, "id: main1", "run: shadow, id: main1", 1), "guard2 guard1 ~main1 main2 obs1 obs2"},
		"a shadow after the winner is quiet": {strings.Replace(all, "id: main2", "run: shadow, id: main2", 1), "guard2 guard1 main1 obs1 obs2"},
		"a final shadow stops nothing":       {strings.Replace(all, "id: guard2", "run: shadow, final: true, id: guard2", 1), "~guard2 guard1 main1 obs1 obs2"},
		"off is never tried":                 {strings.Replace(all, "id: main1", "run: off, id: main1", 1), "guard2 guard1 main2 obs1 obs2"},
		"only shadows in main: fallback":     {strings.Replace(strings.Replace(all, "id: main1", "run: shadow, id: main1", 1), "id: main2", "run: shadow, id: main2", 1), "guard2 guard1 ~main1 ~main2 fall1 obs1 obs2"},
		"the first fallback wins": {`
  - {id: f1, stage: fallback, on: message, do: [log: x]}
  - {id: f2, stage: fallback, on: message, do: [log: x]}`, "f1"},
	}
	delete(tests, "no main, so fallback")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			set := load(t, "rules:"+test.rules)
			if got := strings.Join(ids(set.Match(c2c("x"), facts())), " "); got != test.want {
				t.Errorf("fired %s, want %s", got, test.want)
			}
		})
	}
}

func TestOrderIsTheSameEveryTime(t *testing.T) {
	var b strings.Builder
	b.WriteString("rules:\n")
	for i := range 60 {
		fmt.Fprintf(&b, "  - {id: r%d, stage: %s, priority: %d, continue: %v, on: message, match: {any_of: [w%d, x]}, do: [log: x]}\n",
			i, []string{"guard", "main", "observe"}[i%3], i%4, i%3 == 1, i)
	}
	want := ""
	for i := range 1000 {
		if i%100 == 0 {
			set := load(t, b.String())
			for range 100 {
				got := strings.Join(ids(set.Match(c2c("x"), facts())), " ")
				if want == "" {
					want = got
				}
				if got != want {
					t.Fatalf("run %d: %s, want %s", i, got, want)
				}
			}
		}
	}
}

// The rules that fire are those that a plain reading of the language gives.
func TestOrderProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type spec struct {
			stage, priority, mode int
			final, cont, matches  bool
		}
		specs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) spec {
			s := spec{stage: rapid.IntRange(0, 3).Draw(t, "stage"), priority: rapid.IntRange(-1, 1).Draw(t, "priority"),
				mode: rapid.IntRange(0, 2).Draw(t, "mode"), matches: rapid.Bool().Draw(t, "matches")}
			s.final = s.stage == 0 && rapid.Bool().Draw(t, "final")
			s.cont = (s.stage == 1 || s.stage == 2) && rapid.Bool().Draw(t, "continue")
			return s
		}), 0, 8).Draw(t, "rules")
		p := new(plan)
		set := &Set{}
		for i, s := range specs {
			set.Rules = append(set.Rules, &Rule{ID: fmt.Sprint(i), Stage: Stage(s.stage), Priority: s.priority, Final: s.final,
				Continue: s.cont, Mode: Mode(s.mode), Events: []string{"message.c2c"}})
		}
		set.index()
		if q := set.byEvent["message.c2c"]; q != nil {
			p = q
		}
		fire := func(live func(i int) bool, want int) bool { // does rule `want` fire when exactly these are live
			fired, stopped, mainFired := false, false, false
			for stage := range 4 {
				won := false
				for _, r := range p.stages[stage] {
					var i int
					fmt.Sscan(r.ID, &i)
					if !live(i) || !specs[i].matches {
						continue
					}
					if stage != 0 && stage != 3 && (stopped || won || stage == 2 && mainFired) {
						continue
					}
					fired = fired || i == want
					stopped = stopped || stage == 0 && r.Final
					won = won || stage != 0 && stage != 3 && !r.Continue
					mainFired = mainFired || stage == 1
				}
			}
			return fired
		}
		got := map[string]bool{}
		p.stages.walk(func(r *Rule) bool {
			var i int
			fmt.Sscan(r.ID, &i)
			if specs[i].matches {
				got[r.ID] = true
			}
			return specs[i].matches
		}, &Facts{}, nil)
		for i, s := range specs {
			want := s.mode != int(ModeOff) && fire(func(j int) bool { return specs[j].mode == int(ModeLive) || j == i }, i)
			if got[fmt.Sprint(i)] != want {
				t.Fatalf("rule %d of %+v: fired %v, want %v", i, specs, !want, want)
			}
		}
	})
}

func TestOwnMessages(t *testing.T) {
	set := load(t, `rules:
  - {id: plain, on: [message, message.edited], continue: true, do: [log: x]}
  - {id: self, on: message, include_self: true, do: [log: x]}`)
	ev := c2c("hi")
	ev.Source.Message.IsFromSelf = true
	if got := ids(set.Match(ev, facts())); !slices.Equal(got, []string{"self"}) {
		t.Errorf("own message fired %v", got)
	}
	ev = said("hi")
	ev.Source.Message.Sender = "bot"
	if got := ids(set.Match(ev, facts())); !slices.Equal(got, []string{"self"}) {
		t.Errorf("own message from another device fired %v", got)
	}
}

func TestNilFacts(t *testing.T) {
	tests := map[string]struct {
		stage, cond string
		role        *string
		fires       bool
		reason      string
	}{
		"guard needs a fact that is there": {"guard", `user.role not in ["owner", "admin"]`, ptr("member"), true, ""},
		"guard needs a fact that is nil":   {"guard", `user.role not in ["owner", "admin"]`, nil, false, "fact"},
		"guard does not read it":           {"guard", `chat.type == "c2c" || user.role == "admin"`, nil, true, ""},
		"guard says what to do":            {"guard", `(user.role ?? "member") != "owner"`, nil, true, ""},
		"guard asks whether it is nil":     {"guard", `user.role == nil`, nil, true, ""},
		"main compares nil":                {"main", `user.role == "admin"`, nil, false, "if"},
		"main compares nil and is content": {"main", `user.role != "admin"`, nil, true, ""},
		"main looks for nil in a list":     {"main", `user.role in ["owner"]`, nil, false, "if"},
		"main orders nil":                  {"main", `user.role > "a"`, nil, false, "error"},
		"a default in main":                {"main", `(user.name ?? "您好") == "您好"`, nil, true, ""},
		"nil in a named list":              {"main", `user.role not in lists.l`, nil, true, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			set := load(t, fmt.Sprintf("lists: {l: [a]}\nrules: [{id: r, stage: %s, on: message, if: %s, do: [log: x]}]", test.stage, quoteYAML(test.cond)))
			f := facts()
			f.UserRole = test.role
			d := set.Match(c2c("x"), f)
			e := set.Explain(c2c("x"), f)[0]
			if (len(d.Fired) == 1) != test.fires || e.Fired != test.fires || e.Reason != test.reason {
				t.Errorf("fired %v, explained %v %q %q, want %v %q", ids(d), e.Fired, e.Reason, e.Text, test.fires, test.reason)
			}
		})
	}
}

func quoteYAML(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func TestExplain(t *testing.T) {
	set := load(t, `
lists: {trusted: [alice], archived: ["@TGS#support"]}
rules:
  - {id: mod, stage: guard, final: true, on: message.group, match: {any_of: [加微信], none_of: [不要加微信]}, if: user.id not in lists.trusted, do: [log: x]}
  - {id: hours, on: message, match: {any_of: [几点]}, do: [log: x]}
  - {id: quiet, run: off, on: message, do: [log: x]}
  - {id: join, on: member.joined, do: [log: x]}
  - {id: archive, stage: observe, on: message, if: 'msg.text != "" and chat.id in lists.archived && 1 == 1', do: [log: x]}
  - {id: fails, stage: observe, on: message, if: 'int(msg.text) > 0', do: [log: x]}
  - {id: self, stage: observe, on: message, if: 'any(msg.elems, .kind == "image") || (msg.seq > 9 && true)', do: [log: x]}
`)
	got := map[string]string{}
	for _, e := range set.Explain(said("加 微信"), facts()) {
		got[e.Rule.ID] = fmt.Sprint(e.Fired, " ", e.Reason, ": ", e.Text)
	}
	want := map[string]string{
		"mod": "false match: match  no word of any_of", "hours": "false match: match  no word of any_of", "quiet": "false off: run: off",
		"join":    "false event: does not listen to message.group",
		"archive": `false if: if  chat.id in lists.archived  false  ("@TGS#1")`,
		"fails":   `false error: invalid operation: int(加 微信)`,
		"self":    `false if: if  any(msg.elems, .kind == "image") || (msg.seq > 9 && true)  false`,
	}
	for id, w := range want {
		if got[id] != w {
			t.Errorf("%s: %s\nwant %s", id, got[id], w)
		}
	}
	got = map[string]string{}
	for _, e := range set.Explain(said("几点，请加微信"), facts()) {
		got[e.Rule.ID] = fmt.Sprint(e.Fired, " ", e.Reason, ": ", e.Text)
	}
	if got["mod"] != "true : " || got["hours"] != "false stage: stage main, stopped by mod (final)" {
		t.Errorf("after a final guard: %q", got)
	}
}
