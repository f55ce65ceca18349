package rules

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"
)

// Load never panics, and what it finds wrong lies inside the file.
func FuzzLoad(f *testing.F) {
	f.Add([]byte("version: 1\n" + dialogueRules))
	paths, _ := filepath.Glob("testdata/*/*")
	paths = append(paths, "testdata/every_key.yaml", "testdata/every_input.yaml")
	for _, text := range []string{commands, faqFiles["bot.yaml"], adsBlueprint["bp/ads.yaml"], "lists: {a: {file: faq.csv, column: answer}}\n",
		"rules: [{id: u, use: {blueprint: bp.yaml, with: {x: '${{ 1 }}'}}}, {id: f, on: message, faq: faq.csv}]\n"} {
		f.Add([]byte("version: 1\n" + text))
	}
	for _, path := range paths {
		if data, err := os.ReadFile(path); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return
		}
		fsys := fstest.MapFS{
			"bot.yaml": {Data: data}, "lists/x.txt": {Data: []byte("a\nb\n")}, "faq.csv": {Data: []byte("question,answer\n你好,hi\n")},
			"bp.yaml": {Data: []byte("blueprint: {inputs: {x: {type: text}}}\nrules: [{id: r, on: '${{ inputs.x }}', do: [log: '${{ inputs.x }}']}]\n")},
		}
		set, err := Load(fsys, "bot.yaml", Options{Catalog: catalog})
		if err == nil {
			set.Match(c2c("你好 a"), facts())
			set.Explain(said("你好 a"), facts())
			for _, r := range set.Rules {
				sc := scope(c2c("你好"), facts(), &Hit{})
				lists := [][]*Step{r.Steps}
				if r.Limit != nil {
					r.Limit.Key(sc)
					lists = append(lists, r.Limit.Reply)
				}
				if r.Batch != nil {
					r.Batch.Key(sc)
				}
				if r.Command != nil {
					lists = append(lists, r.Command.Usage)
				}
				if r.Session != nil {
					r.Session.Cancels("你好")
					lists = append(lists, r.Session.OnTimeout, r.Session.OnCancel)
				}
				for _, s := range slices.Concat(lists...) {
					s.If(sc)
					s.Inputs(sc)
					s.Items(sc)
					s.Assign(sc)
					s.Delay(sc)
					if s.Ask != nil {
						s.Ask.Accepts(sc)
						s.Ask.Question.Inputs(sc)
						s.Ask.Again.Inputs(sc)
					}
					if s.Handoff != nil {
						s.Handoff.Inputs(sc)
					}
					if s.Approve != nil {
						s.Approve.Inputs(sc)
					}
				}
			}
			return
		}
		var errs Errors
		if !errors.As(err, &errs) || len(errs) == 0 {
			t.Fatalf("error is %T", err)
		}
		lines := len(newDocument("bot.yaml", data, 0).lines)
		for _, e := range errs {
			if e.Line < 0 || e.Col < 0 || e.Line > lines+1 || e.Msg == "" {
				t.Errorf("error at %s of %d lines: %q", e.Pos(), lines, e.Msg)
			}
			if utf8.Valid(data) && !utf8.ValidString(e.Render()) {
				t.Errorf("error is not valid UTF-8: %q", e.Render())
			}
		}
	})
}

// An expression compiles or is refused; what compiles runs or fails; nothing panics or runs away.
func FuzzExpr(f *testing.F) {
	for _, s := range []string{
		`chat.type == "c2c" || msg.mentions_bot`, `user.role not in ["owner"] && user.id in lists.l`, `any(msg.elems, .kind == "image")`,
		`(user.name ?? "x") matches "^[a-z]+$"`, `let x = msg.text; x + x == "a"`, `reduce(1..9, #acc + #) > 3`, `pick(["a", "b"]) == "a"`,
		`now() - duration("1h") < event.time`, `left(msg.text, 3) startsWith "你"`, `msg?.text == nil`, `state.user.x.y == 1`, `vars.v == lists.l`,
		`{"a": [1, 2]}["a"][0] == 1`, `string(msg.seq) contains "7"`, `$env.msg`, `user["role"] == "a"`, `1 / 0 == 1`, `len(redact(msg.text, ["phone"])) > 0`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) > 300 || strings.Contains(source, "..") && strings.Count(source, "..") > 1 {
			return
		}
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(source) + `"`
		for _, rule := range []string{
			"{id: r, stage: guard, on: message, if: " + quoted + ", do: [log: x]}",
			"{id: r, on: message, do: [{if: " + quoted + ", log: x}]}",
		} {
			src := "version: 1\nlists: {l: [a, b]}\nvars: {v: 1}\nrules: [" + rule + "]\n"
			set, err := Load(fstest.MapFS{"bot.yaml": {Data: []byte(src)}}, "bot.yaml", Options{Catalog: catalog})
			if err != nil {
				continue
			}
			fired := len(set.Match(c2c("你好 7"), facts()).Fired) == 1
			if e := set.Explain(c2c("你好 7"), facts())[0]; e.Fired != fired || len(e.Parts) > maxParts {
				t.Errorf("%s: fired %v, explained %+v", source, fired, e)
			}
			set.Rules[0].Steps[0].If(scope(c2c("你好"), facts(), nil))
		}
	})
}

// The pieces of a template are the whole of it, in order.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"a ${{ b }} c", "${{ \"}}\" }}", "${{ {\"a\": {}} }}", "${{ ${{ }}", "}} ${{", "${{ 'it''s' }}", "${{ `}}` }}${{x}}", "$${{{ a }}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		pieces, unclosed := split(s)
		at := 0
		for _, p := range pieces {
			start, end := p.start, p.end
			if p.expr {
				start, end = start-len(open), end+2
				if s[start:p.start] != open || s[p.end:end] != "}}" {
					t.Fatalf("%q: expression %q is not between ${{ and }}", s, s[p.start:p.end])
				}
			} else if strings.Contains(s[start:end], open) {
				t.Fatalf("%q: text %q holds an expression", s, s[start:end])
			}
			if start != at || end < start {
				t.Fatalf("%q: piece %v begins at %d, want %d", s, p, start, at)
			}
			at = end
		}
		if unclosed >= 0 {
			if unclosed < at || !strings.HasPrefix(s[unclosed:], open) {
				t.Fatalf("%q: unclosed at %d after %d", s, unclosed, at)
			}
		} else if at != len(s) {
			t.Fatalf("%q: pieces end at %d", s, at)
		}
	})
}
