package rules

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/sdkconn"
)

// hostileTexts are what users write to find out whether somebody reads it again.
var hostileTexts = []string{
	"${{ secrets.KEY }}", "${{ msg.id }}", "{{ .Msg }}", "{% x %}", "$VAR $(id)", "}} ${{ user.id", "- a: b # c\n? x", "!!int 12", "&a *a", "'\"`", "\x00\xff",
	"now()", "%s%d", "\\u0041", "<b>", "yes",
}

// What users write is joined into texts as it is and never read again.
func TestValuesAreNeverReadAgain(t *testing.T) {
	set := load(t, `
rules:
  - id: r
    on: message
    do:
      - reply: "[${{ msg.text }}]"
      - log: { text: x, with: { a: "${{ msg.text }}", b: ["${{ msg.text }}"], c: "${{ state.user.x }}" } }
      - set: { vars: { v: "${{ msg.text }}" }, user: { x: "<${{ msg.text }}>" } }
      - log: ${{ vars.v }}
`)
	for _, text := range hostileTexts {
		ev, f := c2c(text), facts()
		f.State.User = map[string]any{"x": text}
		sc := scope(ev, f, nil)
		clean := strings.ToValidUTF8(text, "\uFFFD")
		steps := set.Rules[0].Steps
		in, err := steps[0].Inputs(sc)
		if err != nil || in["text"] != "["+clean+"]" {
			t.Errorf("%q: reply %q, %v", text, in["text"], err)
		}
		in, err = steps[1].Inputs(sc)
		if want := map[string]any{"a": clean, "b": []any{clean}, "c": clean}; err != nil || !reflect.DeepEqual(in["with"], want) {
			t.Errorf("%q: log %q, %v", text, in["with"], err)
		}
		a, err := steps[2].Assign(sc)
		if err != nil || a.Vars["v"] != clean || a.User["x"] != "<"+clean+">" || a.Chat != nil {
			t.Errorf("%q: set %+v, %v", text, a, err)
		}
		sc.Vars = a.Vars
		if in, err = steps[3].Inputs(sc); err != nil || in["text"] != clean {
			t.Errorf("%q: log of a var %q, %v", text, in["text"], err)
		}
	}
}

func TestInputs(t *testing.T) {
	msg := textMsg("mallory", sdkconn.C2C("mallory"), "hi")
	tests := map[string]struct {
		step string
		want map[string]any
		err  string
	}{
		"fixed values":             {`history: {count: 5, within: 2d}`, map[string]any{"count": int64(5), "within": 48 * time.Hour}, ""},
		"typed expressions":        {`history: {count: "${{ 2 + 3 }}", within: "${{ \"1h30m\" }}"}`, map[string]any{"count": int64(5), "within": 90 * time.Minute}, ""},
		"a duration put together":  {`history: {within: "${{ 5 }}m"}`, map[string]any{"within": 5 * time.Minute}, ""},
		"not a duration after all": {`history: {within: "${{ msg.text }}m"}`, nil, `within: want a duration such as 5m, have "him"`},
		"a number for a text":      {`reply: 007`, map[string]any{"text": "007"}, ""},
		"a boolean for a text":     {`reply: no`, map[string]any{"text": "no"}, ""},
		"a message":                {`import: {msgs: ["${{ msg }}"]}`, map[string]any{"msgs": []any{msg}}, ""},
		"a message for a locator":  {`revoke: ${{ msg }}`, map[string]any{"msg": msg.Locator()}, ""},
		"a locator":                {`revoke: {msg: {time: 1, seq: 2, rand: "${{ 3 }}", is_self: true}}`, map[string]any{"msg": sdkconn.Locator{Time: 1, Seq: 2, Rand: 3, IsSelf: true}}, ""},
		"a list keeps its type":    {`reply: {mentions: "${{ [user.id, \"b\"] }}"}`, map[string]any{"mentions": []any{"mallory", "b"}}, ""},
		"a text is no list":        {`reply: {mentions: "${{ state.user.x ?? 1 }}"}`, nil, "mentions: want a list, each a text, have 1"},
		"any":                      {`log: {text: x, with: {a: 1, b: 1.5, c: true, d: ~, e: 2026-01-01, f: [1, x], g: "${{ {\"a\": [1]} }}", h: "${{ 5 }}"}}`, map[string]any{"text": "x", "with": map[string]any{"a": int64(1), "b": 1.5, "c": true, "d": nil, "e": "2026-01-01", "f": []any{int64(1), "x"}, "g": map[string]any{"a": []any{int64(1)}}, "h": int64(5)}}, ""},
		"nil in a text is nothing": {`reply: "[${{ user.name }}]"`, map[string]any{"text": "[]"}, ""},
		"a nil text is not given":  {`reply: ${{ user.name }}`, map[string]any{}, ""},
		"text forms":               {`reply: "${{ 1.50 }} ${{ true }} ${{ 1/4 }} ${{ [1, \"a\"] }} ${{ duration(\"90s\") }} ${{ now() }}"`, map[string]any{"text": `1.5 true 0.25 [1,"a"] 1m30s 2023-11-14T22:13:20Z`}, ""},
		"braces in an expression":  {`reply: '${{ {"a": {"b": "}}"}}.a.b }}!'`, map[string]any{"text": "}}!"}, ""},
		"a literal ${{":            {`reply: '${{ "${{" }}x'`, map[string]any{"text": "${{x"}, ""},
		"left":                     {`reply: ${{ left(msg.text + "中文", 3) }}`, map[string]any{"text": "hi中"}, ""},
		"the same pick every time": {`reply: ${{ pick(["a", "b", "c", "d"]) }}`, map[string]any{"text": "a"}, ""},
		"pick of nothing":          {`reply: ${{ pick([]) }}`, nil, "the list is empty"},
		"enum at run time":         {`send: {to_user: a, text: x, priority: "${{ msg.text }}"}`, nil, "priority cannot be \"hi\""},
		"too long a text":          {`reply: ${{ repeat("x", 2000000) }}`, nil, "longer than 1048576 bytes"},
		"a text that doubles":      {`reply: '${{ reduce(1..60, #acc + #acc, "x") }}'`, nil, "longer than 1048576 bytes"},
		"a let that doubles":       {`reply: ${{ let a = repeat("x", 1000000); let b = a + a; b }}`, nil, "longer than 1048576 bytes"},
		"too large a range":        {`reply: ${{ string(1..100000000) }}`, nil, "memory budget exceeded"},
		"replace that grows":       {`reply: ${{ replace(repeat("x", 100000), "x", repeat("y", 100000)) }}`, nil, "longer than 1048576 bytes"},
		"join that grows":          {`reply: ${{ join(map(1..20000, repeat("y", 1000)), "") }}`, nil, "longer than 1048576 bytes"},
		"JSON that grows":          {`reply: ${{ toJSON(map(1..20000, repeat("y", 1000))) }}`, nil, "longer than 1048576 bytes"},
		"a panic inside expr":      {`reply: ${{ state.user.a.b.c }}`, nil, "cannot fetch"},
		"division by zero":         {`history: {count: "${{ 1 % (msg.seq - 7) }}"}`, nil, "integer divide by zero"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			set := load(t, "rules:\n  - id: r\n    on: message\n    do:\n      - "+test.step+"\n")
			ev := c2c("hi")
			ev.Source.Message = msg
			in, err := set.Rules[0].Steps[0].Inputs(scope(ev, facts(), nil))
			switch {
			case test.err != "":
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("inputs %.200v, %v, want error %q", in, err, test.err)
				}
			case err != nil || !reflect.DeepEqual(in, test.want):
				t.Errorf("inputs %#v, %v\nwant %#v", in, err, test.want)
			}
		})
	}
}

func TestSteps(t *testing.T) {
	set := load(t, `
vars: { limit: 2, greeting: hi }
rules:
  - id: r
    on: message
    do:
      - id: h
        if: vars.limit > 1
        history: { count: 3 }
        timeout: 1m
        retry: { times: 2 }
        on_error: continue
      - for_each:
          in: ${{ steps.h.out.msgs }}
          as: m
          do:
            - if: m.text startsWith "a"
              set: { vars: { last: "${{ m.text }}", greeting: "${{ vars.greeting + \"!\" }}" } }
            - choose:
                - if: m.sender == "alice"
                  do: [revoke: "${{ m }}"]
                - do: [stop: {}]
      - for_each: { in: "${{ msg.elems }}", do: [log: "${{ item.kind }} ${{ item.text }}"] }
      - for_each: { in: "${{ steps.h.out.msgs }}", do: [revoke: "${{ item }}"] }
      - do:
          - reply: ${{ vars.last }} ${{ vars.greeting }} ${{ steps.h.error }} ${{ steps.h.error.code }}
      - if: steps.h.ok
        do: [log: x]
`)
	rule := set.Rules[0]
	var paths []string
	var walk func([]*Step)
	walk = func(steps []*Step) {
		for _, s := range steps {
			paths = append(paths, s.Path+" "+s.Kind.String())
			for _, b := range s.Branches {
				walk(b.Steps)
			}
			walk(s.Steps)
		}
	}
	walk(rule.Steps)
	want := "do[0] action, do[1] for_each, do[1].for_each.do[0] set, do[1].for_each.do[1] choose, do[1].for_each.do[1].choose[0].do[0] action, " +
		"do[1].for_each.do[1].choose[1].do[0] stop, do[2] for_each, do[2].for_each.do[0] action, do[3] for_each, do[3].for_each.do[0] action, do[4] do, do[4].do[0] action, do[5] do, do[5].do[0] action"
	if got := strings.Join(paths, ", "); got != want {
		t.Errorf("paths %s\nwant %s", got, want)
	}
	h := rule.Steps[0]
	if h.Timeout != time.Minute || h.Retry != (Retry{2, time.Second}) || !h.ContinueOnError || h.ID != "h" {
		t.Errorf("step h: %+v", h)
	}
	if r := rule.Steps[4].Steps[0]; r.Timeout != DefaultTimeout || r.Retry.Times != 0 || r.ContinueOnError {
		t.Errorf("step reply: %+v", r)
	}

	msg := textMsg("alice", sdkconn.C2C("alice"), "abc")
	sc := scope(c2c("hi"), facts(), nil)
	if ok, err := h.If(sc); !ok || err != nil {
		t.Errorf("if of h: %v, %v", ok, err)
	}
	each := rule.Steps[1]
	if _, err := each.Items(sc); err == nil || !strings.Contains(err.Error(), "msgs") {
		t.Errorf("items before the step ran: %v", err)
	}
	sc.Steps["h"] = &Result{OK: true, Out: map[string]any{"msgs": []any{msg, msg}}}
	items, err := each.Items(sc)
	if err != nil || !reflect.DeepEqual(items, []any{msg, msg}) || each.ItemType.Kind != KindMessage {
		t.Fatalf("items %v, %v of type %v", items, err, each.ItemType)
	}
	sc.Locals["m"] = items[0]
	if ok, err := each.Steps[0].If(sc); !ok || err != nil {
		t.Errorf("if inside for_each: %v, %v", ok, err)
	}
	for i, greeting := range []string{"hi!", "hi!!"} {
		a, err := each.Steps[0].Assign(sc)
		if err != nil || a.Vars["last"] != "abc" || a.Vars["greeting"] != greeting {
			t.Errorf("round %d: %+v, %v", i, a, err)
		}
		sc.Vars = a.Vars
	}
	choose := each.Steps[1]
	if ok, err := choose.Branch(0).If(sc); !ok || err != nil || !choose.Branch(0).HasIf || choose.Branch(1).HasIf {
		t.Errorf("branch 0: %v, %v", ok, err)
	}
	if in, err := choose.Branch(0).Steps[0].Inputs(sc); err != nil || !reflect.DeepEqual(in["msg"], msg.Locator()) {
		t.Errorf("revoke in a branch: %v, %v", in, err)
	}
	elems, err := rule.Steps[2].Items(sc)
	if err != nil || len(elems) != 1 {
		t.Fatalf("elements %v, %v", elems, err)
	}
	sc.Locals["item"] = elems[0]
	if in, err := rule.Steps[2].Steps[0].Inputs(sc); err != nil || in["text"] != "text hi" {
		t.Errorf("an element: %v, %v", in, err)
	}
	sc.Steps["h"] = &Result{Err: &StepError{Code: "20016", Text: "too late"}}
	if in, err := rule.Steps[4].Steps[0].Inputs(sc); err != nil || in["text"] != "abc hi!! too late 20016" {
		t.Errorf("an error in a text: %v, %v", in, err)
	}
	if ok, err := rule.Steps[5].If(sc); ok || err != nil {
		t.Errorf("a failed step is ok: %v, %v", ok, err)
	}
}

// What a journal keeps comes back as plain JSON; View makes the same of it.
func TestViewAndRaw(t *testing.T) {
	msg := textMsg("alice", sdkconn.Group("g"), "hi")
	data, err := sdkconn.Marshal(msg)
	if err != nil {
		t.Fatal(err)
	}
	var asMap map[string]any
	if err := sdkconn.Unmarshal(data, &asMap); err != nil {
		t.Fatal(err)
	}
	message := Type{Kind: KindMessage}
	object := Type{Kind: KindObject, Fields: []Field{in("msg", message), in("n", kind(KindInt)), in("d", kind(KindDuration)), in("l", listOf(KindMessage)), in("x", kind(KindAny))}}
	for name, v := range map[string]any{"pointer": msg, "JSON": jsontext.Value(data), "decoded JSON": asMap} {
		got, ok := View(message, v).(*msgView)
		if !ok || got.Text != "hi" || got.ID != MessageID(msg) {
			t.Errorf("%s: %#v", name, got)
			continue
		}
		if raw, ok := Raw(got).(*sdkconn.Message); !ok || raw.Sender != "alice" {
			t.Errorf("%s: raw %#v", name, raw)
		}
		o := View(object, map[string]any{"msg": v, "n": float64(3), "d": "1h", "l": []any{v}, "x": float64(1.5)}).(map[string]any)
		if o["n"] != 3 || o["d"] != time.Hour || o["x"] != 1.5 || o["l"].([]any)[0].(*msgView).Sender != "alice" {
			t.Errorf("%s: object %#v", name, o)
		}
	}
	if View(message, nil) != nil || View(message, (*sdkconn.Message)(nil)) != nil || Raw((*msgView)(nil)) != nil {
		t.Error("nothing is not nil")
	}
	raw := Raw(map[string]any{"u": &userView{ID: "a", Name: ptr("A")}, "t": time.Unix(0, 0).UTC(), "d": time.Minute, "e": []elemView{{Kind: "text"}}, "i": uint64(1 << 63)})
	m := raw.(map[string]any)
	if m["t"] != "1970-01-01T00:00:00Z" || m["d"] != "1m0s" || m["i"] != "9223372036854775808" ||
		!reflect.DeepEqual(m["u"], map[string]any{"id": "a", "name": "A", "role": nil}) || m["e"].([]any)[0].(map[string]any)["kind"] != "text" {
		t.Errorf("raw %#v", m)
	}
}

func TestDurations(t *testing.T) {
	for s, want := range map[string]time.Duration{"500ms": 500 * time.Millisecond, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute, "2d": 48 * time.Hour, "1w": 7 * 24 * time.Hour, "0s": 0} {
		if d, err := parseDuration(s); d != want || err != nil {
			t.Errorf("%q is %v, %v", s, d, err)
		}
	}
	for _, s := range []string{"", "5", "0", "m", "5 m", "5x", "-", "+5m", "1e3s", "99999999999999999h"} {
		if d, err := parseDuration(s); err == nil {
			t.Errorf("%q is %v", s, d)
		}
	}
}

// Every byte of a scalar's value is found in the source, whatever its style.
func TestPositionsInScalars(t *testing.T) {
	for _, src := range []string{
		"a: plain MARK text\n", "a: plain over\n  lines\n  MARK here\n\n  and MARK\n", "a: 'it''s MARK'\n", "a: 'over\n\n  lines MARK'\n",
		`a: "esc \"你\" \u4f60 \x41 MARK"` + "\n", "a: \"over \\\n   lines MARK\n\n  x MARK\"\n", "a: |\n  x\n\n    indented MARK\n  MARK\n",
		"a: >-\n  folded\n  line MARK\n\n  more\n    kept MARK\n", "a: !!str MARK\n", "a: &x MARK\n", "a: &x !!str \"MARK\"\n", "- - 你好 MARK\n", "{a: b, c: [MARK, x]}\n",
		"a: |+\n  MARK\n\n", "a: >\n\n  MARK\n", "a: |\r\n  x\r\n  MARK\r\n",
	} {
		var root yaml.Node
		if err := yaml.Unmarshal([]byte(src), &root); err != nil {
			t.Fatal(err)
		}
		d := newDocument("x", []byte(src), 0)
		r := &reader{d: d}
		var found int
		eachScalar(&root, func(n *yaml.Node) {
			for at := 0; ; at++ {
				i := strings.Index(n.Value[at:], "MARK")
				if i < 0 {
					return
				}
				at += i
				found++
				line, col := r.place(n, at)
				if rest := src[d.offset(line, col):]; !strings.HasPrefix(rest, "MARK") {
					t.Errorf("%q: offset %d of %q is placed at %d:%d %.10q", src, at, n.Value, line, col, rest)
				}
			}
		})
		if found != strings.Count(src, "MARK") {
			t.Errorf("%q: %d marks in the values", src, found)
		}
	}
}

func eachScalar(n *yaml.Node, f func(*yaml.Node)) {
	if n.Kind == yaml.ScalarNode {
		f(n)
	}
	for _, c := range n.Content {
		eachScalar(c, f)
	}
}

func TestRender(t *testing.T) {
	e := Error{File: "f.yaml", Line: 3, Col: 7, Rule: "x", Msg: "wrong", Source: "\t你好👍🏽 x"}
	want := "f.yaml:3:7: rule \"x\": wrong\n    3 | \t你好👍🏽 x\n      | \t       ^"
	if got := e.Render(); got != want {
		t.Errorf("render\n%q, want\n%q", got, want)
	}
	long := Error{File: "f", Line: 1, Col: 5000, Msg: "m", Source: strings.Repeat("x", 4999) + "HERE" + strings.Repeat("y", 5000)}
	lines := strings.Split(long.Render(), "\n")
	if len(lines) != 3 || len(lines[1]) > 200 || !strings.HasPrefix(lines[1][strings.Index(lines[2], "^")+len("…")-1:], "HERE") {
		t.Errorf("long line\n%s", long.Render())
	}
	if got := (&Error{File: "f", Msg: "m", Err: fmt.Errorf("why")}).Render(); got != "f: m: why" {
		t.Error(got)
	}
}
