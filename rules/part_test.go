package rules

import (
	"fmt"
	"strings"
	"testing"
)

func TestParts(t *testing.T) {
	for name, test := range map[string]struct {
		stage, cond string
		role        *string
		want        string // operands; > for each depth
		fired       bool
		operand     string
	}{
		"all that held": {"main", `user.role not in ["owner", "admin"] && user.id not in lists.trusted`, ptr("member"),
			`user.role not in ["owner", "admin"] = true | > user.role = "member" | user.id not in lists.trusted = true | > user.id = "mallory"`, true, ""},
		"up to the first that did not": {"main", `msg.text != "" and len(msg.text) > 10 && chat.type == "c2c"`, nil,
			`msg.text != "" = true | > msg.text = "hello" | len(msg.text) > 10 = false | > len(msg.text) = 5`, false, `len(msg.text) > 10 (5)`},
		"an or, to the first that held": {"main", `(msg.mentions_bot || chat.type == "group" || true)`, nil,
			`(msg.mentions_bot || chat.type == "group" || true) = true | > msg.mentions_bot = false | > chat.type == "group" = true | >> chat.type = "group"`, true, ""},
		"an or that failed": {"main", `msg.mentions_bot or msg.seq > 8 and true`, nil,
			`msg.mentions_bot or msg.seq > 8 and true = false | > msg.mentions_bot = false | > msg.seq > 8 and true = false | >> msg.seq > 8 = false | >>> msg.seq = 7`,
			false, `msg.mentions_bot or msg.seq > 8 and true`},
		"not":           {"main", `!(msg.text contains "ell")`, nil, `!(msg.text contains "ell") = false | > msg.text = "hello"`, false, `!(msg.text contains "ell") ("hello")`},
		"not of an and": {"main", `not (true && msg.is_self)`, nil, `not (true && msg.is_self) = true | > true = true | > msg.is_self = false`, true, ""},
		"both sides":    {"main", `user.id == chat.id`, nil, `user.id == chat.id = false | > user.id = "mallory" | > chat.id = "@TGS#1"`, false, `user.id == chat.id ("mallory")`},
		"a choice":      {"main", `msg.seq > 3 ? msg.is_self : true`, nil, `msg.seq > 3 ? msg.is_self : true = false | > msg.seq > 3 = true | >> msg.seq = 7`, false, `msg.seq > 3 ? msg.is_self : true`},
		"a nil":         {"main", `user.role == "admin"`, nil, `user.role == "admin" = false | > user.role = nil`, false, `user.role == "admin" (nil)`},
		"a nil in guard": {"guard", `chat.type == "group" && user.role != "admin" && true`, nil,
			`chat.type == "group" = true | > chat.type = "group" | user.role != "admin" = user.role cannot be had | > user.role = nil`, false, ""},
		"a role in guard": {"guard", `user.role != "admin"`, ptr("member"), `user.role != "admin" = true | > user.role = "member"`, true, ""},
		"what fails":      {"main", `true && int(msg.text) > 1 && true`, nil, `true = true | int(msg.text) > 1 = invalid operation: int(hello) | > int(msg.text) = invalid operation: int(hello)`, false, ""},
		"a long one":      {"main", `repeat("长", 50) == repeat(msg.text, 0)`, nil, `repeat("长", 50) == repeat(msg.text, 0) = false | > repeat("长", 50) = "` + strings.Repeat("长", 40) + `…" | > repeat(msg.text, 0) = ""`, false, `repeat("长", 50) == repeat(msg.text, 0) ("` + strings.Repeat("长", 40) + `…")`},
		"words in it":     {"main", `"a && b" != msg.text && len(["x and y", "(", msg.text]) == 3`, nil, `"a && b" != msg.text = true | > msg.text = "hello" | len(["x and y", "(", msg.text]) == 3 = true | > len(["x and y", "(", msg.text]) = 3`, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			set := load(t, "lists: {trusted: [alice]}\nrules: [{id: r, stage: "+test.stage+", on: message, if: "+quoteYAML(test.cond)+", do: [log: x]}]")
			f := facts()
			f.UserRole = test.role
			e := set.Explain(said("hello"), f)[0]
			var got []string
			for _, p := range e.Parts {
				got = append(got, strings.TrimPrefix(fmt.Sprintf("%s %s = %s", strings.Repeat(">", p.Depth), p.Source, p.Value), " "))
				if p.Held != (p.Value == "true") {
					t.Errorf("%s held: %v", p.Source, p.Held)
				}
			}
			if got := strings.Join(got, " | "); got != test.want {
				t.Errorf("parts %s\nwant  %s", got, test.want)
			}
			operand := e.Operand
			if e.Value != "" {
				operand += " (" + e.Value + ")"
			}
			if e.Fired != test.fired || operand != test.operand {
				t.Errorf("fired %v, operand %s, want %v, %s", e.Fired, operand, test.fired, test.operand)
			}
		})
	}
}

// However large an if is, what is said of it is not.
func TestPartsAreBounded(t *testing.T) {
	cond := strings.Repeat(`msg.seq != 1 && `, 150) + `true`
	deep := strings.Repeat("(", 20) + "msg.seq == 7" + strings.Repeat(" || true)", 20)
	long := `msg.text != "` + strings.Repeat("长", 2000) + `"`
	for _, cond := range []string{cond, deep, long} {
		set := load(t, "rules: [{id: r, on: message, if: "+quoteYAML(cond)+", do: [log: x]}]")
		e := set.Explain(said("hello"), facts())[0]
		if !e.Fired || len(e.Parts) == 0 || len(e.Parts) > maxParts {
			t.Errorf("fired %v with %d parts", e.Fired, len(e.Parts))
		}
		for _, p := range e.Parts {
			if len([]rune(p.Source)) > maxPartSource+1 || p.Depth > maxPartDepth+1 {
				t.Errorf("part at %d of %d bytes", p.Depth, len(p.Source))
			}
		}
	}
	set := load(t, "rules: [{id: a, on: message, match: {any_of: x}, if: msg.seq == 7, do: [log: x]}, {id: b, on: message, run: off, if: msg.seq == 7, do: [log: x]}, {id: c, on: message, do: [log: x]}]")
	for _, e := range set.Explain(said("hello"), facts()) {
		if e.Parts != nil {
			t.Errorf("%s was not evaluated: %+v", e.Rule.ID, e.Parts)
		}
	}
}
