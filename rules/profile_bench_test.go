package rules

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// The texts are of the lengths that chats have; half of them are Chinese.
var benchTexts = []string{
	"今天天气不错，我们晚上一起吃饭吧，see you at the usual place",
	"好的，收到",
	"Can anybody tell me when the next train leaves?",
	"請問這個訂單什麼時候可以發貨？謝謝😊",
	"明天下午三点开会，记得带上上周的报告和数据。",
	"ok, on my way",
}

// Folding alone, for each profile.
func BenchmarkFold(b *testing.B) {
	for _, p := range []*profile{profileChat, profileStrict, testProfiles[1], testProfiles[0]} {
		name := p.normalize().String()
		if !p.plain() {
			name += fmt.Sprintf("/pinyin=%t/aliases=%d", p.pinyin, len(p.aliases))
		}
		b.Run(name, func(b *testing.B) {
			var in input
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				in.reset(benchTexts[i%len(benchTexts)], false)
				in.view(p)
				i++
			}
		})
	}
}

// BenchmarkMatchProfile measures the profiles against each other in one run: what a message of the corpus costs with chat
// and strict as a multiple of none. They take turns, and the fastest pass of each counts.
func BenchmarkMatchProfile(b *testing.B) {
	names := []string{"none", "chat", "strict"}
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			var sets []*Set
			var texts []string
			for _, normalize := range names {
				c := newCorpus(n, "strict") // words only, for all
				sets = append(sets, loadBench(b, strings.ReplaceAll(c.rules, "normalize: strict", "normalize: "+normalize)))
				texts = c.messages()[:500]
			}
			f, said := facts(), newSpoken()
			best := []time.Duration{time.Hour, time.Hour, time.Hour}
			b.ReportAllocs()
			for b.Loop() {
				for i, set := range sets {
					for range 4 { // the first ones find the caches as another set left them
						begin := time.Now()
						for _, text := range texts {
							set.Match(said.event(text), f)
						}
						best[i] = min(best[i], time.Since(begin))
					}
				}
			}
			for i, name := range names {
				b.ReportMetric(float64(best[i])/float64(len(texts)), name+"-ns/msg")
				if i > 0 {
					b.ReportMetric(float64(best[i])/float64(best[0]), name+"/none")
				}
			}
		})
	}
}

// One rule with a long list: what lists of moderators look like.
func BenchmarkMatchList(b *testing.B) {
	for _, mode := range []string{"contains", "fuzzy"} {
		for _, normalize := range []string{"none", "chat", "strict"} {
			b.Run(fmt.Sprintf("mode=%s/normalize=%s", mode, normalize), func(b *testing.B) {
				set := loadList(b, []byte(longList(100_000)), "mode: "+mode+", normalize: "+normalize)
				var events []*Event
				for _, text := range benchTexts {
					events = append(events, c2c(text))
				}
				f, i := facts(), 0
				b.ReportAllocs()
				for b.Loop() {
					set.Match(events[i%len(events)], f)
					i++
				}
			})
		}
	}
}

// A list of 100,000 phrases, in one rule: how long it takes to load, what stays in memory, for each way to look for it.
func BenchmarkLoadList(b *testing.B) {
	list := []byte(longList(100_000))
	for _, match := range []string{"normalize: none", "normalize: chat", "normalize: strict", "normalize: {pinyin: true}", "mode: fuzzy"} {
		b.Run(strings.NewReplacer(" ", "", ":", "=").Replace(match), func(b *testing.B) {
			var set *Set
			for b.Loop() {
				set = loadList(b, list, match)
			}
			b.ReportMetric(float64(heldBy(b, func() any { return loadList(b, list, match) }))/(1<<20), "MiB-held")
			runtime.KeepAlive(set)
		})
	}
}

func loadList(t testing.TB, list []byte, match string) *Set {
	set, err := Load(fstest.MapFS{
		"bot.yaml": {Data: []byte("version: 1\nlists: {ads: {file: ads.txt}}\nrules: [{id: r, on: message, match: {any_of: '${{ lists.ads }}', " +
			match + "}, do: [log: x]}]\n")},
		"ads.txt": {Data: list},
	}, "bot.yaml", Options{Catalog: catalog})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// heldBy is how much of the heap what f makes takes.
func heldBy(_ testing.TB, f func() any) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	made := f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(made)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// A list of 100,000 phrases is held in 64 MiB, and the phrases are found.
func TestLongList(t *testing.T) {
	text := longList(100_000)
	phrases := strings.Fields(text)
	var set *Set
	if held := heldBy(t, func() any { set = loadList(t, []byte(text), "normalize: strict"); return set }); held > 64<<20 {
		t.Errorf("a list of 100,000 phrases holds %d MiB", held>>20)
	}
	for i := 0; i < len(phrases); i += 997 {
		text := "看 " + strings.Join(strings.Split(phrases[i], ""), "·") + " 吧"
		d := set.Match(c2c(text), facts())
		if len(d.Fired) != 1 {
			t.Fatalf("%q is not found in %q", phrases[i], text)
		}
		if s := d.Fired[0].Hit.Spans[0]; s.Start < len("看 ") || s.End > len(text)-len(" 吧") {
			t.Errorf("%q in %q: hit %+v", phrases[i], text, d.Fired[0].Hit)
		}
	}
	if d := set.Match(c2c(benchTexts[0]), facts()); len(d.Fired) != 0 {
		t.Errorf("%q is hit: %+v", benchTexts[0], d.Fired[0].Hit)
	}
}

// longList is n phrases of two to seven characters, as lists have them.
func longList(n int) string {
	var b strings.Builder
	chars := []rune("代办刷单兼职贷款彩票赌场加微信群号码优惠返利投资理财黑户秒批网赚日结招聘高薪点击链接领取红包免费送礼品棋牌下注")
	x := uint32(1)
	for range n {
		for range 4 + x>>16%4 {
			x = x*1664525 + 1013904223
			b.WriteRune(chars[x>>16%uint32(len(chars))])
		}
		b.WriteByte('\n')
	}
	return b.String()
}
