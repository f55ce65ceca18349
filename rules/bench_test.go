package rules

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cloudflare/ahocorasick"
	"github.com/expr-lang/expr"
	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/sdkconn"
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

// corpus is what BenchmarkMatch works on: rules as people write them, most with a word or two and one in five with a regular
// expression, and messages of 20 to 200 bytes, half of them Chinese, of which one in ten hits one rule and one in fifty has
// the word of a regular expression without what must follow; with the profile strict, which takes none, the words of the
// expressions stand alone. It is the same in every run.
type corpus struct {
	rules  string
	words  []string         // of all rules
	exprs  []*regexp.Regexp // of all rules, nil for those without
	misses []string
	hits   []string
}

func newCorpus(n int, normalize string) *corpus {
	rnd := rand.New(rand.NewPCG(1, 2))
	han := func(k int) string {
		var b strings.Builder
		for range k {
			b.WriteRune(rune(0x4E00 + rnd.IntN(3000)))
		}
		return b.String()
	}
	latin := func(syllables int) string {
		var b strings.Builder
		for range syllables {
			b.WriteByte("bcdfghjklmnprstvw"[rnd.IntN(17)])
			b.WriteByte("aeiou"[rnd.IntN(5)])
			if rnd.IntN(3) == 0 {
				b.WriteByte("nrslt"[rnd.IntN(5)])
			}
		}
		return b.String()
	}
	c := new(corpus)
	var b strings.Builder
	b.WriteString("version: 1\nrules:\n")
	seen := make(map[string]bool)
	fresh := func(draw func() string) string {
		for {
			if w := draw(); !seen[w] {
				seen[w] = true
				return w
			}
		}
	}
	var hit, near []string
	for i := range n {
		chinese := i%2 == 0
		word := fresh(func() string {
			if chinese {
				return han(2 + rnd.IntN(4))
			}
			return latin(3 + rnd.IntN(3))
		})
		mode, pattern, said, almost := "contains", word, word, ""
		if i%5 == 4 {
			mode = "regex"
			switch i / 5 % 4 {
			case 0:
				w := latin(3) + "m"
				pattern, said, almost, word = `(?i)`+w+`\s+\d{1,4}`, w+" 42", w+" many", w
			case 1:
				w := fresh(func() string { return han(3) })
				pattern, said, almost, word = w+`.{0,6}吗`, w+"好吗", w+"好的", w
			case 2:
				w := "!" + fresh(func() string { return latin(3) })
				pattern, said, almost, word = `^`+w+`(?:\s|$)`, "", "so "+w, w
			default:
				w := fresh(func() string { return han(2) })
				pattern, said, almost, word = `(?:`+w+`|`+w[3:]+w[:3]+`)号`, w+"号", w+"呢", w
			}
			if normalize == "strict" {
				mode, pattern, said, almost = "contains", word, word, ""
			}
		}
		fmt.Fprintf(&b, "  - id: r%d\n    on: message\n    match: {mode: %s, any_of: ['%s'], normalize: %s}\n    do:\n      - reply: answer %d\n",
			i, mode, pattern, normalize, i)
		c.words, c.exprs = append(c.words, word), append(c.exprs, nil)
		if mode == "regex" {
			c.exprs[i] = regexp.MustCompile(pattern)
		}
		if said != "" {
			hit = append(hit, said)
		}
		if almost != "" {
			near = append(near, almost)
		}
	}
	c.rules = b.String()
	text := func(with string) string {
		var b strings.Builder
		size := 20 + rnd.IntN(180)
		chinese := rnd.IntN(2) == 0
		at := rnd.IntN(size)
		for b.Len() < size {
			if with != "" && b.Len() >= at {
				b.WriteString(" " + with + " ")
				with = ""
			}
			if chinese {
				b.WriteString(han(1+rnd.IntN(8)) + "，")
			} else {
				b.WriteString(latin(1+rnd.IntN(3)) + " ")
			}
		}
		return b.String() + with
	}
	for i := range 2000 {
		almost := ""
		if i%50 == 0 && len(near) > 0 {
			almost = near[rnd.IntN(len(near))]
		}
		c.misses = append(c.misses, text(almost))
		c.hits = append(c.hits, text(hit[rnd.IntN(len(hit))]))
	}
	return c
}

// messages are the corpus as it comes: one in ten hits a rule.
func (c *corpus) messages() []string {
	texts := slices.Clone(c.misses)
	for i := 0; i < len(texts); i += 10 {
		texts[i] = c.hits[i]
	}
	return texts
}

func loadBench(b *testing.B, rules string) *Set {
	b.Helper()
	set, err := Load(fstest.MapFS{"bot.yaml": {Data: []byte(rules)}}, "bot.yaml", Options{Catalog: catalog})
	if err != nil {
		b.Fatal(err)
	}
	return set
}

// spoken makes events of texts, one after the other in the same memory: as near to the processor as an event is that has
// just been decoded.
type spoken struct {
	ev   *Event
	elem *sdkconn.TextElem
}

func newSpoken() *spoken {
	ev := c2c("")
	return &spoken{ev, ev.Source.Message.Elems[0].(*sdkconn.TextElem)}
}

func (s *spoken) event(text string) *Event {
	s.elem.Text = text
	return s.ev
}

var benchSizes = []int{10, 100, 1000, 10_000}

// BenchmarkMatch is one message through all rules, profile none. "miss" fires nothing: 2 % of the messages have a word of a
// regular expression; "hit" fires a rule. BenchmarkMatchNaive beside it tries rule after rule, and BenchmarkMatchRatios
// compares the index with what it has to beat, all in one run.
func BenchmarkMatch(b *testing.B)      { benchMatch(b, true) }
func BenchmarkMatchNaive(b *testing.B) { benchMatch(b, false) }

func benchMatch(b *testing.B, indexed bool) {
	for _, n := range benchSizes {
		var c *corpus
		var set *Set
		for _, name := range []string{"miss", "hit"} {
			b.Run(fmt.Sprintf("rules=%d/%s", n, name), func(b *testing.B) {
				if c == nil {
					c = newCorpus(n, "none")
					set = loadBench(b, c.rules)
				}
				texts := c.misses
				if name == "hit" {
					texts = c.hits
				}
				x := set.facts
				if !indexed {
					x = nil
				}
				f := facts()
				said := newSpoken()
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					set.match(said.event(texts[i%len(texts)]), f, x)
				}
			})
		}
	}
}

// BenchmarkMatchRatios prints the ratios that are promised: 2,000 messages of which one in ten hits, through the index for
// each number of rules, on one core and on two, and through Aho-Corasick over the same words, with the regular expressions of
// the words that it finds. They are measured in turns, and the fastest of each counts, so that what else the machine does
// falls out.
func BenchmarkMatchRatios(b *testing.B) {
	type side struct {
		set   *Set
		ac    *ahocorasick.Matcher
		exprs []*regexp.Regexp
		texts []string
		bytes [][]byte
		best  [3]time.Duration // index, Aho-Corasick, index on two cores
	}
	var sides []*side
	for _, n := range benchSizes {
		c := newCorpus(n, "none")
		s := &side{set: loadBench(b, c.rules), ac: ahocorasick.NewStringMatcher(c.words), exprs: c.exprs}
		s.texts = c.messages()
		for _, text := range s.texts {
			s.bytes = append(s.bytes, []byte(text))
		}
		for i := range s.best {
			s.best[i] = time.Hour
		}
		sides = append(sides, s)
	}
	f := facts()
	for b.Loop() {
		for _, s := range sides {
			match := func() {
				said := newSpoken()
				for _, text := range s.texts {
					s.set.Match(said.event(text), f)
				}
			}
			for kind, work := range []func(){match, func() {
				for _, text := range s.bytes {
					for _, i := range s.ac.MatchThreadSafe(text) {
						if s.exprs[i] != nil {
							s.exprs[i].Match(text)
						}
					}
				}
			}, func() {
				var wg sync.WaitGroup
				wg.Go(match)
				wg.Go(match)
				wg.Wait()
			}} {
				for range 3 { // the first one finds the caches as other work left them
					begin := time.Now()
					work()
					s.best[kind] = min(s.best[kind], time.Since(begin))
				}
			}
		}
	}
	for i, n := range benchSizes {
		s := sides[i]
		b.ReportMetric(float64(s.best[0])/float64(len(s.texts)), fmt.Sprintf("ns/message-%d", n))
		b.ReportMetric(float64(s.best[0])/float64(s.best[1]), fmt.Sprintf("of-ahocorasick-%d", n))
		b.ReportMetric(2*float64(s.best[0])/float64(s.best[2]), fmt.Sprintf("two-cores-%d", n))
	}
	b.ReportMetric(float64(sides[3].best[0])/float64(sides[0].best[0]), "10000-of-10")
}

// BenchmarkMatchParallel is the same messages through 1,000 rules on as many goroutines as there are processors: with -cpu 1,2
// the second line should take at most 1/1.8 of the first.
func BenchmarkMatchParallel(b *testing.B) {
	c := newCorpus(1000, "none")
	set, texts, f := loadBench(b, c.rules), c.messages(), facts()
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		said := newSpoken()
		for i := 0; pb.Next(); i++ {
			set.Match(said.event(texts[i%len(texts)]), f)
		}
	})
}

// BenchmarkIndex builds the index of 10,000 rules, and of one rule with a list of 100,000 words; MiB is what stays.
func BenchmarkIndex(b *testing.B) {
	var list strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&list, "%c广告%c词%d\n", 0x4E00+i%2000, 0x4E00+i/50, i%1000)
	}
	sets := map[string]fstest.MapFS{
		"rules=10000": {"bot.yaml": {Data: []byte(newCorpus(10_000, "none").rules)}},
		"list=100000": {
			"bot.yaml": {Data: []byte("version: 1\nlists: {ads: {file: ads.txt}}\nrules: [{id: r, on: message, match: {any_of: '${{ lists.ads }}'}, do: [log: x]}]\n")},
			"ads.txt":  {Data: []byte(list.String())},
		},
	}
	for _, name := range keys(sets) {
		b.Run(name, func(b *testing.B) {
			set, err := Load(sets[name], "bot.yaml", Options{Catalog: catalog})
			if err != nil {
				b.Fatal(err)
			}
			var x *index
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			b.ReportAllocs()
			for b.Loop() {
				x, _ = newIndex(set.facts.rules)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
			runtime.KeepAlive(x)
		})
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
	// What a load of 10,000 rules cannot do without: reading the YAML and compiling the expressions of the same file.
	b.Run("floor/rules=10000", func(b *testing.B) {
		src := []byte(benchRules(10_000, "chat"))
		b.ReportAllocs()
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			var file struct {
				Rules []struct {
					If string `yaml:"if"`
					Do []struct{ Reply struct{ Text string } }
				}
			}
			if err := yaml.Unmarshal(src, &file); err != nil {
				b.Fatal(err)
			}
			for _, r := range file.Rules {
				text := r.Do[0].Reply.Text
				text = text[strings.Index(text, "${{")+3 : strings.Index(text, "}}")]
				if _, err := expr.Compile(r.If, expr.Env(ruleEnv{}), expr.AsBool()); err != nil {
					b.Fatal(err)
				}
				if _, err := expr.Compile(text, expr.Env(ruleEnv{})); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
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
