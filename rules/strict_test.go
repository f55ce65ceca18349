package rules

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"
)

// pageTables are the tables of docs/chinese-text.md: rows of cells, the first with the names.
func pageTables(t *testing.T) (tables [][][]string, yaml string) {
	t.Helper()
	data, err := os.ReadFile("../docs/chinese-text.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	_, yaml, _ = strings.Cut(text, "```yaml\n")
	yaml, _, _ = strings.Cut(yaml, "```")
	var table [][]string
	for line := range strings.Lines(text + "\n") {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "| ---"):
		case strings.HasPrefix(line, "|"):
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			table = append(table, cells)
		case table != nil:
			tables = append(tables, table)
			table = nil
		}
	}
	return tables, yaml
}

// What the page on Chinese text says is found is found, where it says, and nothing else.
func TestChineseTextPage(t *testing.T) {
	tables, yaml := pageTables(t)
	checked := 0
	for _, table := range tables {
		head := strings.Join(table[0], " ")
		for _, row := range table[1:] {
			switch head {
			case "normalize word text hit", "mode word text hit":
				match := fmt.Sprintf("{any_of: [%q], %s: %s}", row[1], table[0][0], strings.Trim(row[0], "`"))
				text, err := strconv.Unquote(`"` + row[2] + `"`)
				if err != nil {
					t.Fatal(err)
				}
				want, _ := strconv.Unquote(`"` + row[3] + `"`)
				got := ""
				if d := load(t, "rules: [{id: r, on: message, match: "+match+", do: [log: x]}]").Match(c2c(text), facts()); len(d.Fired) > 0 {
					s := d.Fired[0].Hit.Spans[0]
					got = text[s.Start:s.End]
				}
				if got != want {
					t.Errorf("%s in %q: hit %q, want %q", match, text, got, want)
				}
				checked++
			case "text words":
				set, err := Load(fstest.MapFS{"bot.yaml": {Data: []byte(yaml)}}, "bot.yaml", Options{Catalog: catalog})
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				if d := set.Match(said(row[0]), facts()); len(d.Fired) > 0 {
					got = d.Fired[0].Hit.Words
				}
				if strings.Join(got, " ") != row[1] {
					t.Errorf("%q: words %q, want %q", row[0], got, row[1])
				}
				checked++
			}
		}
	}
	if checked < 36 {
		t.Errorf("only %d rows were checked", checked)
	}
}

func TestStrict(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "",
		"加 微 信":                "加微信",
		"Hello, World!":        "helo world",
		"110-220":              "110220",
		"a\u0301b\u0308":       "ab",
		"é ö ü ñ":              "eoun",
		"ТЕХТ":                 "text",
		"①②❸⓿":                 "1230",
		"🅰🅑🇨":                  "abc",
		"加\u200b\u200d微":       "加微",
		"哈哈哈，哈哈":               "哈哈",
		"哈哈 哈":                 "哈",
		"天。天":                  "天天",
		"aa a":                 "aa",
		"カーが":                  "カーが",
		"ขอบคุณ":               "ขอบคุณ",
		"안녕":                   "안녕",
		"後臺訂單":                 "后台订单",
		"...":                  "",
		"\xff加\xff":            "加",
		"⻢上":                   "马上",
		"𝓥𝓧":                   "vx",
		"C++":                  "c加",
		"＋Ｖ":                   "加v",
		"a\u0338b\u20dd\ufe0f": "ab",
	} {
		want = strings.ReplaceAll(want, " ", "")
		if got := foldText(text, profileStrict); got != want {
			t.Errorf("%+q is %q, want %q", text, got, want)
		}
		// folding what is folded changes nothing but repetitions that a clause kept apart
		if again := foldText(want, profileStrict); !strings.Contains("哈 天 a", again) && again != want {
			t.Errorf("%q is %q the second time", want, again)
		}
	}
}

func TestPinyin(t *testing.T) {
	p := testProfiles[0]
	for text, want := range map[string]string{
		"加微信": "jiaweixin", "jia wei xin": "jiaweixin", "嘉威 Xin": "jiaweixin", "gongguan": "gongguan", "公关": "gongguan", "女": "nv", "A股": "agu", "〇": "〇",
	} {
		if got := foldText(text, p); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// What shields a word shields it in every mode, and only where it stands around all of it.
func TestExcept(t *testing.T) {
	for _, test := range []struct {
		match, text string
		hits        []string
	}{
		{"{any_of: [加微信], except: [不要加微信]}", "请不要加微信", nil},
		{"{any_of: [加微信], except: [不要加微信]}", "不要加微信。加微信", []string{"加微信"}},
		{"{any_of: [加微信], except: [加微信号]}", "加微信和加微信号", []string{"加微信"}},
		{"{any_of: [加微信], except: [要加微]}", "要加微信", []string{"加微信"}},
		{"{any_of: [加微信], except: [加微信]}", "加微信", nil},
		{"{any_of: [ab, cd], except: [xab, cdx]}", "xab cd", []string{"cd"}},
		{"{all_of: [ab, cd], except: [xab]}", "xab cd", nil},
		{"{all_of: [ab, cd], except: [xab]}", "xab cd ab", []string{"ab", "cd"}},
		{"{any_of: [a], none_of: [ab], except: [xab]}", "xab a", []string{"a"}},
		{"{any_of: [a], none_of: [ab], except: [xab]}", "xab a ab", nil},
		{"{mode: word, any_of: [cat], except: [cat food]}", "cat food", nil},
		{"{mode: word, any_of: [cat], except: [cat food]}", "cat food, cat", []string{"cat"}},
		{"{mode: prefix, any_of: [查], except: [查无此人]}", "查无此人", nil},
		{"{mode: prefix, any_of: [查], except: [查无此人]}", "查订单", []string{"查"}},
		{"{mode: exact, any_of: [查], except: [查无此人]}", " 查 ", []string{"查"}},
		{"{mode: regex, any_of: ['[0-9]+'], except: ['no [0-9]+']}", "no 12, 34", []string{"34"}},
		{"{mode: regex, any_of: ['[0-9]+'], except: ['no [0-9]+']}", "no 12", nil},
		{"{mode: fuzzy, any_of: [免费领取], except: [不能免费领取]}", "不能免费领取", nil},
		{"{mode: fuzzy, any_of: [免费领取], except: [不能免费领取]}", "不能免费领取，免废领取", []string{"免废领取"}},
		{"{any_of: [加微信], except: [不要加微信], normalize: strict}", "不 要 加 微 信", nil},
		{"{any_of: [加微信], except: [不要加微信], normalize: {pinyin: true}}", "bu yao jia wei xin", nil},
		{"{any_of: [加微信], except: [不要加微信], normalize: none}", "不要加微信 加微信", []string{"加微信"}},
	} {
		set := load(t, "rules: [{id: r, on: message, match: "+test.match+", do: [log: x]}]")
		var got []string
		d := set.Match(c2c(test.text), facts())
		if len(d.Fired) > 0 {
			got = []string{}
			for _, s := range d.Fired[0].Hit.Spans {
				got = append(got, test.text[s.Start:s.End])
			}
		}
		if !slices.Equal(got, test.hits) || (got == nil) != (test.hits == nil) {
			t.Errorf("%s in %q: %q, want %q", test.match, test.text, got, test.hits)
		}
		if e := set.Explain(c2c(test.text), facts())[0]; e.Fired != (got != nil) || !e.Fired && e.Text == "" {
			t.Errorf("%s in %q: explained %+v", test.match, test.text, e)
		}
	}
}

func TestExplainExcept(t *testing.T) {
	set := load(t, "rules: [{id: r, on: message, match: {any_of: [微信, 加微信], except: [不要加微信], normalize: strict}, do: [log: x]}]")
	if got, want := set.Explain(c2c("请不要加 微信"), facts())[0].Text, `match  any_of: "微信" ← "微信" [13:19] stands inside a phrase of except`; got != want {
		t.Errorf("explained %q, want %q", got, want)
	}
}

func TestLongestWins(t *testing.T) {
	for text, want := range map[string][]string{
		"加微信":      {"加微信"},
		"微信和加微信":   {"微信", "加微信"},
		"加微信号码":    {"加微信", "微信号"}, // neither holds the other
		"加微 信号，微信": {"微信", "加微信", "微信号"},
		"微 信":      {"微信"},
	} {
		for _, words := range []string{"[微信, 加微信, 微信号]", "[微信, 加微信, 微信号, q1, q2, q3, q4, q5, q6]"} { // looked for one by one, and by a table
			set := load(t, "rules: [{id: r, on: message, match: {any_of: "+words+", normalize: strict}, do: [log: x]}]")
			if d := set.Match(c2c(text), facts()); len(d.Fired) == 0 || !slices.Equal(d.Fired[0].Hit.Words, want) {
				t.Errorf("%q: %+v, want %q", text, d.Fired, want)
			}
		}
	}
}

// What a user writes stays text.
func TestTextIsNeverEvaluated(t *testing.T) {
	set := load(t, "rules: [{id: r, on: message, match: {any_of: ['${{ 1 }}x', 加微信], normalize: strict}, do: [log: '${{ match.text }}']}]")
	for text, want := range map[string]string{"加${{ 1 + 1 }}微信": "", "加 微信": "加 微信", "加{{微}}信": "加{{微}}信"} {
		d := set.Match(c2c(text), facts())
		got := ""
		if len(d.Fired) > 0 {
			in, err := d.Fired[0].Rule.Steps[0].Inputs(scope(c2c(text), facts(), &d.Fired[0].Hit))
			if err != nil {
				t.Fatal(err)
			}
			got = in["text"].(string)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestMissAllocatesNothing(t *testing.T) {
	for _, match := range []string{
		"{any_of: [加微信, 刷单]}", "{any_of: [加微信, 刷单], normalize: strict}", "{any_of: [加微信], normalize: {pinyin: true, aliases: {q: 群}}}",
		"{any_of: [加微信领红包], mode: fuzzy}", "{any_of: [a1, b1, c1, d1, e1, f1, g1, h1, 加微信], normalize: strict}",
	} {
		set := load(t, "rules: [{id: r, on: message, match: "+match+", do: [log: x]}]")
		m, text := set.Rules[0].match, "今天天氣不錯😊，晚上ＡＢＣ一起吃飯，加班 é…"
		var in input // what Match keeps in a pool, which the race detector empties at random
		n := testing.AllocsPerRun(100, func() {
			in.reset(text, false)
			if m.matches(&in) {
				t.Fatalf("%s matches %q", match, text)
			}
			in.release()
		})
		if n != 0 {
			t.Errorf("%s: a miss allocates %v times", match, n)
		}
	}
}

// The tables have what they are said to have.
func TestTables(t *testing.T) {
	pairs := []rune(hantPairs)
	if len(pairs)%2 != 0 || len(pairs) < 5000 {
		t.Fatalf("%d characters in pairs", len(pairs))
	}
	for i := 0; i < len(pairs); i += 2 {
		if simplified()[pairs[i+1]] != 0 {
			t.Errorf("%c becomes %c, which becomes %c", pairs[i], pairs[i+1], simplified()[pairs[i+1]])
		}
	}
	for to, from := range lookAlikes {
		if got := strictRune(to); got != to {
			t.Errorf("%c, which things look like, becomes %c itself", to, got)
		}
		for _, r := range from {
			if got := foldText(string(r), profileStrict); got != string(to) && !(r == 'ß' && got == "s") {
				t.Errorf("%U %c becomes %q, want %c", r, r, got, to)
			}
		}
	}
}

// Folding without the way back gives the same text as with it, and the way back once it is asked for.
func TestQuickFoldsAgree(t *testing.T) {
	quick := 0
	plain := rapid.StringOfN(rapid.RuneFrom([]rune("aAzZ@[`{1 ，。？好吗甲乙ＡＺ！😀…—")), 0, 40, -1)
	text := rapid.OneOf(tokensOf(0, 12), rapid.String(), plain, plain, plain, plain)
	rapid.Check(t, func(t *rapid.T) {
		s := text.Draw(t, "text") + rapid.SampledFrom([]string{"", "", "", "", "\xe5\xa5", "\xff", "\u0301"}).Draw(t, "end")
		for name, fold := range map[string][2]func(*folded) bool{
			"chat":   {func(f *folded) bool { return f.chatQuickly(s) }, func(f *folded) bool { f.chatMapped(s); return true }},
			"strict": {func(f *folded) bool { return f.strictQuickly(s) }, func(f *folded) bool { return f.strictMapped(s) }},
		} {
			var a, b folded
			a.text = append(a.text, "what was here before"...)
			if !fold[0](&a) {
				continue
			}
			if quick++; !fold[1](&b) || string(a.text) != string(b.text) {
				t.Fatalf("%s of %q: quickly %q, else %q", name, s, a.text, b.text)
			}
			before := string(a.text)
			if a.mapBack(); string(a.text) != before || !slices.Equal(a.runs, b.runs) {
				t.Fatalf("%s of %q: back by %v, else %v", name, s, a.runs, b.runs)
			}
		}
	})
	if quick < 20 {
		t.Errorf("only %d texts were folded quickly", quick)
	}
}
