package rules

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

func corpusLines(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/corpus/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSuffix(line, "\n"); line == "" || line[0] == '#' {
			continue
		}
		line = strings.ReplaceAll(line, `"`, `\"`)
		text, err := strconv.Unquote(`"` + strings.ReplaceAll(line, "\t", `\t`) + `"`)
		if err != nil {
			t.Fatalf("%s: %q: %v", name, line, err)
		}
		lines = append(lines, text)
	}
	return lines
}

// The corpus is what the profiles are judged by: texts that were written so as not to be found, and innocent ones. The
// floors are what is reached today; a change that falls below them is worse.
func TestCorpus(t *testing.T) {
	evasions, innocent := corpusLines(t, "evasions.txt"), corpusLines(t, "innocent.txt")
	if len(evasions) < 300 || len(innocent) < 300 {
		t.Fatalf("%d evasions and %d innocent texts; there must be 300 of each", len(evasions), len(innocent))
	}
	fsys := fstest.MapFS{}
	for _, name := range []string{"words.txt", "safe.txt"} {
		data, err := os.ReadFile("testdata/corpus/" + name)
		if err != nil {
			t.Fatal(err)
		}
		fsys[name] = &fstest.MapFile{Data: data}
	}
	for _, test := range []struct {
		normalize         string
		precision, recall float64
	}{
		{"none", 0.79, 0.05},
		{"chat", 0.93, 0.20},
		{"strict", 0.98, 0.76},
		{"{aliases: {裙: 群, 威: 微, 芯: 信, wx: 微信, 代款: 贷款}}", 0.98, 0.78},
		{"{pinyin: true}", 0.98, 0.96},
	} {
		fsys["bot.yaml"] = &fstest.MapFile{Data: []byte("version: 1\nlists: {words: {file: words.txt}, safe: {file: safe.txt}}\n" +
			"rules: [{id: r, on: message, match: {any_of: '${{ lists.words }}', except: '${{ lists.safe }}', normalize: " +
			test.normalize + "}, do: [log: x]}]\n")}
		set, err := Load(fsys, "bot.yaml", Options{Catalog: catalog})
		if err != nil {
			t.Fatal(err)
		}
		found, wrong := 0, 0
		var missed []string
		for _, line := range evasions {
			word, text, ok := strings.Cut(line, "\t")
			if !ok {
				t.Fatalf("evasions.txt: %q has no tab", line)
			}
			d := set.Match(c2c(text), facts())
			if len(d.Fired) == 0 {
				missed = append(missed, word+" in "+text)
				continue
			}
			found++
		}
		for _, text := range innocent {
			if d := set.Match(c2c(text), facts()); len(d.Fired) > 0 {
				wrong++
				t.Logf("%s: %q is hit by %q", test.normalize, text, d.Fired[0].Hit.Words)
			}
		}
		precision := float64(found) / float64(max(1, found+wrong))
		recall := float64(found) / float64(len(evasions))
		t.Logf("normalize: %s\n\tprecision %.3f  recall %.3f  (%d of %d evasions found, %d of %d innocent texts hit)",
			test.normalize, precision, recall, found, len(evasions), wrong, len(innocent))
		if testing.Verbose() {
			t.Logf("missed:\n\t%s", strings.Join(missed, "\n\t"))
		}
		if precision < test.precision || recall < test.recall {
			t.Errorf("normalize: %s: precision %.3f and recall %.3f must be at least %.3f and %.3f",
				test.normalize, precision, recall, test.precision, test.recall)
		}
	}
}
