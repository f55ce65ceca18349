package rules

import (
	"fmt"
	"strings"
	"testing"
)

var adsBlueprint = map[string]string{
	"bp/ads.yaml": `
version: 1
blueprint:
  name: 广告拦截
  description: Takes back what holds a word.
  inputs:
    words: {type: list, description: The words.}
    events: {type: list, default: [message.group]}
    rate: {type: text, default: 1/30s}
    stage: {type: choice, choices: [guard, main], default: guard}
    wait: {type: duration, default: 90s}
    tries: {type: integer, default: 2}
    loud: {type: boolean, default: true}
    score: {type: number, default: 1.5}
    boss: {type: user, required: false}
    say: {type: text, default: 您的消息含广告内容。}
    title: {type: text, default: 广告}
defaults: {timeout: "${{ inputs.wait }}"}
rules:
  - id: hit
    name: ${{ inputs.title }}
    on: ${{ inputs.events }}
    stage: ${{ inputs.stage }}
    match: {any_of: "${{ inputs.words }}"}
    if: user.id != (inputs.boss ?? "") && msg.text not in inputs.words
    limit: {per: chat, rate: "${{ inputs.rate }}"}
    do:
      - {revoke: {}, retry: {times: "${{ inputs.tries }}"}}
      - {if: inputs.loud, reply: "${{ inputs.say }}"}
      - log: ${{ inputs.wait }} ${{ inputs.score + 1 }} ${{ len(inputs.words) }} ${{ inputs.boss }}
`,
	"bp/both.yaml": `
blueprint: {inputs: {words: {type: list}}}
rules:
  - {id: group, use: {blueprint: ads.yaml, with: {words: "${{ inputs.words }}", say: "${{ 'a' + 'b' }}"}}}
  - {id: c2c, run: live, use: {blueprint: ads.yaml, with: {words: "${{ inputs.words }}", events: [message.c2c], title: '12'}}}
`,
}

func withBlueprints(bot string) map[string]string {
	files := map[string]string{"bot.yaml": bot}
	for name, text := range adsBlueprint {
		files[name] = text
	}
	return files
}

func TestBlueprint(t *testing.T) {
	set := loadFS(t, filesOf(withBlueprints(`
lists: {ads: [加微信, 兼职]}
rules:
  - {id: shop, use: {blueprint: bp/ads.yaml, with: {words: "${{ lists.ads }}", boss: alice, loud: false, wait: 5s}}}
  - {id: all, run: shadow, use: {blueprint: bp/both.yaml, with: {words: ["返利"]}}}
`)))
	is := func(id, want string) {
		t.Helper()
		r := set.Rule(id)
		if r == nil {
			t.Fatalf("there is no rule %s", id)
		}
		got := fmt.Sprint(r.Name, " ", r.Stage, " ", r.Mode, " ", r.Events, r.match.any.words, r.Limit.Window, " ", r.Steps[0].Retry.Times, " ",
			r.Steps[0].Timeout, " ", r.Used.Blueprint, " ", r.Used.ID, " ", r.Used.Pos)
		if got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	is("shop.hit", "广告 guard live [message.group] [加微信 兼职] 30s 2 5s bp/ads.yaml shop bot.yaml:5:5")
	is("all.group.hit", "广告 guard shadow [message.group] [返利] 30s 2 1m30s bp/ads.yaml all.group bp/both.yaml:4:5")
	is("all.c2c.hit", "12 guard live [message.c2c] [返利] 30s 2 1m30s bp/ads.yaml all.c2c bp/both.yaml:5:5")
	inputs := func(id string, step int) string {
		t.Helper()
		in, err := set.Rule(id).Steps[step].Inputs(scope(c2c("x"), facts(), nil))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(in["text"])
	}
	if got, want := inputs("shop.hit", 2), "5s 2.5 2 alice"; got != want {
		t.Errorf("the inputs are %q, want %q", got, want)
	}
	if got, want := inputs("all.group.hit", 1), "ab"; got != want {
		t.Errorf("the text is %q, want %q", got, want)
	}
	if loud, err := set.Rule("shop.hit").Steps[1].If(scope(c2c("x"), facts(), nil)); loud || err != nil {
		t.Errorf("loud is %v, %v", loud, err)
	}
	if set.Rule("shop.hit").match.any.table != nil || len(set.Sources()) != 3 {
		t.Errorf("%d sources", len(set.Sources()))
	}
	d := set.Describe(set.Rule("shop.hit"), catalog)
	if len(d.Steps) != 3 || len(d.Keys) == 0 || !strings.Contains(fmt.Sprint(d.Keys), "bp/ads.yaml as shop (bot.yaml:5:5)") {
		t.Errorf("described as %+v", d)
	}
	files := FilesOf(filesOf(withBlueprints("rules: [{id: all, use: {blueprint: bp/both.yaml}}]\n")), "bot.yaml")
	if got := strings.Join(files.YAML, " "); got != "bot.yaml bp/both.yaml bp/ads.yaml" {
		t.Errorf("files %q", got)
	}
}

// What is given for an input is a value, whatever it looks like.
func TestInputsAreNotReadAgain(t *testing.T) {
	const evil = `${{ '$' + '{{ bot.id }} "]: !!int {' }}`
	set := loadFS(t, filesOf(withBlueprints(`
rules:
  - {id: shop, use: {blueprint: bp/ads.yaml, with: {words: ["${{ '$' + '{{ 1 }}' }}"], say: "`+strings.ReplaceAll(evil, `"`, `\"`)+`", title: "${{ '$' + '{{ 1 }}' }}"}}}
`)))
	r := set.Rule("shop.hit")
	in, err := r.Steps[1].Inputs(scope(c2c("x"), facts(), nil))
	if want := `${{ bot.id }} "]: !!int {`; err != nil || in["text"] != want || r.Name != "${{ 1 }}" || r.match.any.words[0] != "${{ 1 }}" {
		t.Errorf("text %q, name %q, words %q, %v", in["text"], r.Name, r.match.any.words, err)
	}
	got := mistakesIn(withBlueprints(`rules: [{id: shop, use: {blueprint: bp/ads.yaml, with: {words: [a], rate: "${{ '$' + '{{ 1 }}' }}"}}}]`))
	if want := "bp/ads.yaml:26:30: rule \"shop.hit\": rate cannot hold an expression (input rate, given at bot.yaml:2:75)"; !strings.Contains(got, want) {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// Blueprints that use one another many times are refused in good time.
func TestBlueprintsDoNotExplode(t *testing.T) {
	files := map[string]string{"bot.yaml": "rules: [{id: a, use: {blueprint: b0.yaml}}]"}
	for i := range 8 {
		var b strings.Builder
		b.WriteString("blueprint: {name: x}\nrules:\n")
		for j := range 50 {
			fmt.Fprintf(&b, "  - {id: r%d, use: {blueprint: b%d.yaml}}\n", j, i+1)
		}
		files[fmt.Sprintf("b%d.yaml", i)] = b.String()
	}
	files["b8.yaml"] = "blueprint: {name: x}\nrules: []\n"
	if got := mistakesIn(files); !strings.Contains(got, "bring more than 10000 rules") {
		t.Errorf("%.300s", got)
	}
	for i := range 8 {
		files[fmt.Sprintf("b%d.yaml", i)] = fmt.Sprintf("blueprint: {name: x}\nrules: [{id: r, use: {blueprint: b%d.yaml}}]\n", i+1)
	}
	if got := mistakesIn(files); !strings.Contains(got, "b7.yaml:2:17: rule \"a.r.r.r.r.r.r.r.r\": more than 8 blueprints") {
		t.Errorf("%.300s", got)
	}
}
