package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

var faqFiles = map[string]string{
	"bot.yaml": `
rules:
  - {id: faq, on: message, faq: shop/faq.csv}
  - {id: many, on: message.c2c, stage: observe, faq: {file: shop/many.csv, mode: exact, normalize: strict}, do: [log: "${{ faq.line }} ${{ faq.question }} ${{ faq.answer }}"]}
`,
	"shop/faq.csv": "\xEF\xBB\xBF问题,相似问法,匹配方式,答案,备注\r\n" +
		"营业时间,几点开门 | 幾點關門,,09:00–21:00,\r\n" +
		"周末营业时间,,contains,\"周末 10:00–18:00，\r\n节假日除外\",\r\n" +
		"退款,,exact,${{ secrets.X }} {{ }},\r\n" +
		"退款进度,,,一周内到账,\r\n" +
		"hi,,word,Hello!,\r\n" +
		"会员续费优惠,,fuzzy,八折,\r\n",
	"shop/many.csv": "question,aliases,answers\n在吗,在不在,在|在的|请讲\n",
}

func TestFAQ(t *testing.T) {
	set := loadFS(t, filesOf(faqFiles))
	for _, c := range []struct{ text, want, row string }{
		{"请问營業時間？", "09:00–21:00", "shop/faq.csv:2  营业时间"},
		{"几点关门", "09:00–21:00", "shop/faq.csv:2  营业时间"},
		{"你们周末营业时间是？", "周末 10:00–18:00，\n节假日除外", "shop/faq.csv:3  周末营业时间"},
		{"退款", "${{ secrets.X }} {{ }}", "shop/faq.csv:5  退款"},
		{" 退款进度 ", "一周内到账", "shop/faq.csv:6  退款进度"},
		{"我要退款", "", ""},
		{"say HI", "Hello!", "shop/faq.csv:7  hi"},
		{"this", "", ""},
		{"有会员续费的优惠吗", "八折", "shop/faq.csv:8  会员续费优惠"},
	} {
		ev := c2c(c.text)
		got := answerOf(t, set, ev, facts())
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
		if e := set.Explain(ev, facts())[0]; c.want != "" && e.Found != c.row || e.Fired != (c.want != "") {
			t.Errorf("%q: explained as %q, want %q", c.text, e.Found, c.row)
		}
	}
	if got := answerOf(t, set, c2c("在 吗？？"), facts()); !slices.Contains([]string{"2 在吗 在", "2 在吗 在的", "2 在吗 请讲"}, got) {
		t.Errorf("one of several is %q", got)
	}
	want := []string{`shop/faq.csv:3:1: "周末营业时间" holds "营业时间" of line 2 too: the longer one is answered`}
	if got := told(set, "faq-overlap"); !slices.Equal(got, want) {
		t.Errorf("overlaps\n%q, want\n%q", got, want)
	}
	if got := FilesOf(filesOf(faqFiles), "bot.yaml"); !slices.Equal(got.Lists, []string{"shop/faq.csv", "shop/many.csv"}) || len(set.Sources()) != 3 {
		t.Errorf("files %+v, %d sources", got, len(set.Sources()))
	}
	d := set.Describe(set.Rule("faq"), catalog)
	if len(d.Steps) != 1 || d.Steps[0].Action != "reply" || fmt.Sprint(d.Words[0].Words) != "[营业时间 周末营业时间 退款 退款进度 hi 会员续费优惠]" {
		t.Errorf("described as %+v", d)
	}
}

// A question that is in another mode, too, is told of the row that never gets to answer it.
func TestFAQThatIsNeverAsked(t *testing.T) {
	files := map[string]string{
		"bot.yaml": "rules: [{id: faq, on: message, faq: f.csv}]\n",
		"f.csv":    "question,mode,answer\n你好,prefix,a\n你好,exact,b\n你好,,c\n",
	}
	set := loadFS(t, filesOf(files))
	want := "f.csv:2:1: \"你好\" is answered by line 3, \"你好\"\nf.csv:4:1: \"你好\" is answered by line 3, \"你好\""
	if got := strings.Join(told(set, "faq-overlap"), "\n"); !strings.Contains(got, strings.Split(want, "\n")[0]) || !strings.Contains(got, strings.Split(want, "\n")[1]) {
		t.Errorf("overlaps\n%s\nwant\n%s", got, want)
	}
}

// faqOf is a table of n questions.
func faqOf(n int) map[string]string {
	var b strings.Builder
	b.WriteString("question,aliases,answer\n")
	for i := range n {
		fmt.Fprintf(&b, "第%d号商品的价格,编号%d多少钱,价格见第%d页\n", i, i, i)
	}
	return map[string]string{"bot.yaml": "rules: [{id: faq, on: message, faq: f.csv}]\n", "f.csv": b.String()}
}

// A table of any size is found through the index, and is no candidate for what it does not know.
func TestFAQIsIndexed(t *testing.T) {
	set := loadFS(t, filesOf(faqOf(2000)))
	if set.Rules[0].always || set.Rules[0].alwaysCandidate() {
		t.Error("the table is tried on every message")
	}
	if got, want := answerOf(t, set, c2c("你好，编号1234多少钱？"), facts()), "价格见第1234页"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	m := set.Rules[0].match
	var in input // what Match keeps in a pool, which the race detector empties at random
	if n := testing.AllocsPerRun(100, func() {
		in.reset("今天天气不错，我们晚上一起吃饭吧", false)
		if m.matches(&in) {
			t.Fatal("the table is met")
		}
		in.release()
	}); n > 0 {
		t.Errorf("a miss allocates %v times", n)
	}
}

func BenchmarkFAQ(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		set, err := Load(filesOf(faqOf(n)), "bot.yaml", Options{Catalog: catalog})
		if err != nil {
			b.Fatal(err)
		}
		for name, text := range map[string]string{"miss": "今天天气不错，我们晚上一起吃饭吧，see you at the usual place", "hit": "你好，编号7多少钱？"} {
			b.Run(fmt.Sprintf("rows=%d/%s", n, name), func(b *testing.B) {
				ev, f := c2c(text), facts()
				b.ReportAllocs()
				for b.Loop() {
					set.Match(ev, f)
				}
			})
		}
	}
}

// A table loads or is refused; what loads finds the same with the index and without.
func FuzzFAQ(f *testing.F) {
	f.Add([]byte(faqFiles["shop/faq.csv"]), "周末营业时间")
	f.Add([]byte("question,answers\na,b|c\n"), "a")
	f.Add([]byte("question,mode,answer\nabcd,fuzzy,x\nab,prefix,y\n"), "abxd")
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		if len(data) > 1<<12 || len(text) > 1<<10 {
			return
		}
		for _, normalize := range []string{"chat", "none", "strict"} {
			bot := "rules: [{id: faq, on: message, faq: {file: f.csv, normalize: " + normalize + "}}]\n"
			set, err := Load(filesOf(map[string]string{"bot.yaml": bot, "f.csv": string(data)}), "bot.yaml", Options{Catalog: catalog})
			if err != nil {
				continue
			}
			ev := c2c(text)
			got, want := set.Match(ev, facts()), set.match(ev, facts(), nil)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%q fires %+v, without the index %+v", text, got, want)
			}
			for _, fired := range got.Fired {
				if in, err := fired.Rule.Steps[0].Inputs(scope(ev, facts(), &fired.Hit)); err != nil || in["text"] == "" {
					t.Errorf("%q: %v, %v", text, in, err)
				}
			}
		}
	})
}
