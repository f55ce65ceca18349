package rules

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/sdkconn"
)

func announceStep(inputs string) string {
	return "rules: [{id: r, on: message, do: [{announce: {to: {users: [a]}, " + inputs + "}}]}]\n"
}

func TestRowTexts(t *testing.T) {
	set := load(t, announceStep(`text: "${{ row.name }}: ${{ msg.text }} ${{ upper(row.name) + row['two words'] }}"`))
	ev := &Events(&sdkconn.Event{Kind: sdkconn.EventNewMsg, Message: textMsg("alice", sdkconn.C2C("alice"), "${{ row.name }}")}, "bot")[0]
	inputs, err := set.Rules[0].Steps[0].Inputs(scope(ev, &Facts{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	text, ok := inputs["text"].(*RowText)
	if !ok {
		t.Fatalf("text is %T", inputs["text"])
	}
	data, err := json.Marshal(text) // as it is kept
	if err != nil {
		t.Fatal(err)
	}
	kept := new(RowText)
	if err := json.Unmarshal(data, kept); err != nil {
		t.Fatal(err)
	}
	template, err := kept.Compile()
	if err != nil {
		t.Fatal(err)
	}
	if columns, all := template.Columns(); strings.Join(columns, ",") != "name,two words" || all {
		t.Errorf("columns %q, %v", columns, all)
	}
	got, err := template.Render(map[string]string{"name": "bob${{ row.x }}", "two words": "!"})
	if want := "bob${{ row.x }}: ${{ row.name }} BOB${{ ROW.X }}!"; err != nil || got != want { // nothing is read again
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if got, err := template.Render(nil); err == nil {
		t.Errorf("a row without the columns: %q", got)
	}
}

// TestATextWithoutRows stays a text, and a for_each may have the name.
func TestATextWithoutRows(t *testing.T) {
	set := load(t, `rules: [{id: r, on: message, do: [{for_each: {in: "${{ ['x'] }}", as: row, do: [
  {announce: {to: {users: [a]}, text: "${{ row }} ${{ msg.text }}"}}]}}]}]`)
	ev := &Events(&sdkconn.Event{Kind: sdkconn.EventNewMsg, Message: textMsg("alice", sdkconn.C2C("alice"), "hi")}, "bot")[0]
	sc := scope(ev, &Facts{}, nil)
	sc.Locals["row"] = "x"
	inputs, err := set.Rules[0].Steps[0].Steps[0].Inputs(sc)
	if err != nil || inputs["text"] != "x hi" {
		t.Errorf("text %v, %v", inputs["text"], err)
	}
}

func TestWrongFormsOfTexts(t *testing.T) {
	for inputs, want := range map[string]string{
		`text: "${{ row.name + msg.text }}"`: "row cannot stand in one ${{ }} with msg",
		`text: "${{ row }}"`:                 "text: want a text, the expression gives",
		`key: "${{ row.name }}", text: x`:    `unknown name "row"`,
		`text: "${{ row.name. }}"`:           "unexpected end",
		`text: x, pace: fast`:                `pace: "fast" is no rate`,
		`text: x, pace: 0/s`:                 "at least 1",
		`text: x, quiet: {from: "25:00"}`:    `quiet.from: "25:00" is no time of day`,
	} {
		errs := loadErr(t, announceStep(inputs))
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), want) {
			t.Errorf("%s: %v, want %s", inputs, errs, want)
		}
	}
	set := load(t, announceStep(`text: x, pace: "${{ msg.text }}"`))
	ev := &Events(&sdkconn.Event{Kind: sdkconn.EventNewMsg, Message: textMsg("alice", sdkconn.C2C("alice"), "often")}, "bot")[0]
	if _, err := set.Rules[0].Steps[0].Inputs(scope(ev, &Facts{}, nil)); err == nil || !strings.Contains(err.Error(), `"often" is no rate`) {
		t.Errorf("a pace from a message: %v", err)
	}
}

func TestParseRowText(t *testing.T) {
	if text, err := ParseRowText("plain"); text != nil || err != nil {
		t.Errorf("a plain text: %v, %v", text, err)
	}
	for source, want := range map[string]string{
		"${{ row.a":             "has no }}",
		"${{ msg.text }}":       "msg is not known here",
		"${{ nobody }}":         `unknown name "nobody"`,
		"${{ row.a | }}":        "unexpected token",
		"${{ now() }}":          "now is not known here",
		"${{ secrets.TOKEN }}":  "secrets",
		"${{ row.a[0:1] }}":     "left(",
		"${{ 1..1000000000 }}x": "",
	} {
		text, err := ParseRowText(source)
		if want == "" { // it compiles, and fails bounded
			template, err := text.Compile()
			if err == nil {
				_, err = template.Render(nil)
			}
			if err == nil {
				t.Errorf("%s: no error", source)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
}
