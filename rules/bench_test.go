package rules

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

func benchRules(n int, normalize string) string {
	var b strings.Builder
	b.WriteString("version: 1\nrules:\n")
	for i := range n {
		fmt.Fprintf(&b, `  - id: r%d
    on: message
    match:
      any_of: [关键词%d号, keyword number %d]
      normalize: %s
    if: chat.type == "c2c" || msg.mentions_bot
    do:
      - reply:
          text: ${{ user.name ?? "您好" }}，这是第 %d 条。
`, i, i, i, normalize, i)
	}
	return b.String()
}

func BenchmarkMatch(b *testing.B) {
	for _, normalize := range []string{"none", "chat"} {
		for _, n := range []int{10, 100, 1000} {
			set, err := Load(fstest.MapFS{"bot.yaml": {Data: []byte(benchRules(n, normalize))}}, "bot.yaml", Options{Catalog: catalog})
			if err != nil {
				b.Fatal(err)
			}
			f := facts()
			for name, text := range map[string]string{
				"miss": "今天天气不错，我们晚上一起吃饭吧，see you at the usual place",
				"hit":  fmt.Sprintf("今天天气不错，关键词%d号，see you at the usual place", n/2),
			} {
				ev := c2c(text)
				b.Run(fmt.Sprintf("normalize=%s/rules=%d/%s", normalize, n, name), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if d := set.Match(ev, f); (len(d.Fired) > 0) != (name == "hit") {
							b.Fatal(ids(d))
						}
					}
				})
			}
		}
	}
}

// A rule that is a candidate always: its if is evaluated for every event.
func BenchmarkIf(b *testing.B) {
	set := load(b, "rules: [{id: r, on: message, if: 'chat.type == \"group\" && msg.seq > 100', do: [log: x]}]")
	ev, f := c2c("hello"), facts()
	b.ReportAllocs()
	for b.Loop() {
		set.Match(ev, f)
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10000} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			src := []byte(benchRules(n, "chat"))
			b.ReportAllocs()
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if _, err := Load(fstest.MapFS{"bot.yaml": {Data: src}}, "bot.yaml", Options{Catalog: catalog}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("list=100000", func(b *testing.B) {
		var list strings.Builder
		for i := range 100_000 {
			fmt.Fprintf(&list, "广告词%d\n", i)
		}
		fsys := fstest.MapFS{
			"bot.yaml": {Data: []byte("version: 1\nlists: {ads: {file: ads.txt}}\nrules: [{id: r, on: message, match: {any_of: '${{ lists.ads }}'}, do: [log: x]}]\n")},
			"ads.txt":  {Data: []byte(list.String())},
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Load(fsys, "bot.yaml", Options{Catalog: catalog}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkInputs(b *testing.B) {
	set := load(b, benchRules(1, "chat")[len("version: 1\n"):])
	sc := scope(c2c("关键词0号"), facts(), &Hit{})
	step := set.Rules[0].Steps[0]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := step.Inputs(sc); err != nil {
			b.Fatal(err)
		}
	}
}
