package rules

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestCoerce(t *testing.T) {
	msg := textMsg("a", sdkconn.C2C("a"), "x")
	view := viewer{}.newMessage(msg)
	object := Type{Kind: KindObject, Fields: []Field{req("n", kind(KindInt)), in("to", listOf(KindString))}}
	numbers := kind(KindFloat)
	type test struct {
		t    Type
		v    any
		want any // an error: part of its text
	}
	for _, c := range []test{
		{kind(KindInt), 5, int64(5)}, {kind(KindInt), 5.0, int64(5)}, {kind(KindInt), uint32(5), int64(5)},
		{kind(KindInt), 5.5, "want a whole number, have 5.5"}, {kind(KindInt), "5", `want a whole number, have "5"`},
		{kind(KindInt), time.Second, "want a whole number, have duration"}, {kind(KindInt), nil, "have nil"},
		{kind(KindFloat), 5, 5.0}, {kind(KindFloat), int64(5), 5.0}, {kind(KindFloat), 1.5, 1.5}, {kind(KindFloat), true, "have true"},
		{kind(KindBool), true, true}, {kind(KindBool), 1, "want true or false, have 1"},
		{kind(KindString), 5, "5"}, {kind(KindString), ptr("x"), "x"}, {kind(KindString), (*string)(nil), "have nil"},
		{kind(KindString), []any{1}, "want a text, have list"}, {kind(KindString), view, "message is no text"},
		{kind(KindDuration), time.Minute, time.Minute}, {kind(KindDuration), "2d", 48 * time.Hour}, {kind(KindDuration), 5, "have 5"},
		{kind(KindMessage), view, msg}, {kind(KindMessage), "x", "want a message"},
		{kind(KindLocator), view, msg.Locator()}, {kind(KindLocator), "x", "want a message or its locator"},
		{kind(KindLocator), map[string]any{"time": 1, "seq": 2, "rand": 3, "is_self": false}, sdkconn.Locator{Time: 1, Seq: 2, Rand: 3}},
		{kind(KindLocator), map[string]any{"time": 1, "sqe": 2}, `a locator has no "sqe" (did you mean "seq"?)`},
		{kind(KindLocator), map[string]any{"time": 1, "seq": 2, "rand": 3}, "a locator needs is_self"},
		{kind(KindLocator), map[string]any{"time": -1}, "time: "}, {kind(KindLocator), map[string]any{"is_self": 1}, "is_self: "},
		{listOf(KindString), []string{"a"}, []any{"a"}}, {listOf(KindString), []any{"a", []any{}}, "item 1: want a text"},
		{listOf(KindMessage), []any{view}, []any{msg}}, {listOf(KindInt), map[string]any{}, "want a list"},
		{object, map[string]any{"n": 1.0, "to": []any{"a"}}, map[string]any{"n": int64(1), "to": []any{"a"}}},
		{object, map[string]any{"n": "x"}, "n: want a whole number"}, {object, map[string]any{"to": []any{}}, "n is missing"},
		{object, map[string]any{"n": 1, "too": 1}, `there is no "too" (did you mean "to"?)`}, {object, 1, "want a mapping, have 1"},
		{Type{Kind: KindMap, Elem: &numbers}, map[string]any{"x": 1}, map[string]any{"x": 1.0}},
		{Type{Kind: KindMap}, &userView{ID: "a"}, map[string]any{"id": "a", "name": nil, "role": nil}},
		{kind(KindAny), []any{view, 1, time.Minute}, []any{msg, int64(1), "1m0s"}},
	} {
		got, err := coerce(c.t, c.v)
		if text, ok := c.want.(string); err != nil && ok {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%v of %#v: %v, want %q", c.t, c.v, err, text)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v of %#v: %#v, %v, want %#v", c.t, c.v, got, err, c.want)
		}
	}
}

// What View makes of a value, Raw makes the value of again.
func TestRawIsTheInverseOfView(t *testing.T) {
	msg := textMsg("a", sdkconn.C2C("a"), "x")
	for _, c := range []struct {
		t Type
		v any
	}{
		{kind(KindAny), nil}, {kind(KindAny), "x"}, {kind(KindAny), true}, {kind(KindAny), int64(5)}, {kind(KindAny), 1.5},
		{kind(KindInt), int64(5)}, {kind(KindMessage), msg}, {listOf(KindMessage), []any{msg, msg}},
		{kind(KindAny), map[string]any{"a": []any{int64(1), "x", msg}, "b": map[string]any{}}},
	} {
		if got := Raw(View(c.t, c.v)); !reflect.DeepEqual(got, c.v) {
			t.Errorf("%v %#v comes back as %#v", c.t, c.v, got)
		}
	}
	want := map[string]any{"time": int64(epoch), "seq": int64(7), "rand": int64(77), "is_self": false}
	l := msg.Locator()
	for _, v := range []any{l, &l} {
		if got := Raw(View(kind(KindLocator), v)); !reflect.DeepEqual(got, want) {
			t.Errorf("a locator is %#v", got)
		}
	}
}

func TestElementViews(t *testing.T) {
	for _, c := range []struct {
		elem sdkconn.Elem
		want elemView
	}{
		{&sdkconn.TextElem{Text: "x"}, elemView{Kind: "text", Text: "x"}},
		{&sdkconn.ImageElem{OrigURL: "u", OrigPath: "p", OrigID: "i", OrigSize: 1, OrigWidth: 2, OrigHeight: 3}, elemView{Kind: "image", URL: "u", Path: "p", ID: "i", Size: 1, Width: 2, Height: 3}},
		{&sdkconn.SoundElem{URL: "u", FilePath: "p", FileID: "i", FileSize: 1, FileTime: 2}, elemView{Kind: "sound", URL: "u", Path: "p", ID: "i", Size: 1, Seconds: 2}},
		{&sdkconn.FileElem{URL: "u", FilePath: "p", FileID: "i", FileName: "n", FileSize: 1}, elemView{Kind: "file", URL: "u", Path: "p", ID: "i", Name: "n", Size: 1}},
		{&sdkconn.VideoElem{VideoURL: "u", VideoPath: "p", VideoID: "i", VideoSize: 1, VideoDuration: 2, ImageWidth: 3, ImageHeight: 4}, elemView{Kind: "video", URL: "u", Path: "p", ID: "i", Size: 1, Seconds: 2, Width: 3, Height: 4}},
		{&sdkconn.FaceElem{Index: 5, Buf: "b"}, elemView{Kind: "face", Index: 5, Data: "b"}},
		{&sdkconn.LocationElem{Latitude: 1.5, Longitude: 2.5, Desc: "d"}, elemView{Kind: "location", Latitude: 1.5, Longitude: 2.5, Desc: "d"}},
		{&sdkconn.CustomElem{Data: "d", Desc: "e", Ext: "x"}, elemView{Kind: "custom", Data: "d", Desc: "e", Ext: "x"}},
		{&sdkconn.MergeElem{Title: "t", CompatibleText: "c"}, elemView{Kind: "merge", Title: "t", Text: "c"}},
		{&sdkconn.UnknownElem{Type: 99}, elemView{Kind: "unknown"}},
	} {
		if got := viewElem(c.elem); got != c.want {
			t.Errorf("%T is %+v, want %+v", c.elem, got, c.want)
		}
	}
	for flag, want := range map[sdkconn.GroupChangeFlag]changeView{
		sdkconn.GroupChangeName: {"name", "v"}, sdkconn.GroupChangeIntroduction: {"introduction", "v"}, sdkconn.GroupChangeNotification: {"notification", "v"},
		sdkconn.GroupChangeFaceURL: {"face_url", "v"}, sdkconn.GroupChangeOwner: {"owner", "v"}, sdkconn.GroupChangeCustom: {"custom", "k=v"},
		sdkconn.GroupChangeAttribute: {"attribute", "k=v"}, sdkconn.GroupChangeShutupAll: {"mute_all", "true"}, 99: {"other", "v"},
	} {
		if got := viewChange(sdkconn.GroupChangeInfo{Flag: flag, Key: "k", Value: "v", BoolValue: true}); got != want {
			t.Errorf("change %d is %+v, want %+v", flag, got, want)
		}
	}
}

// Vars keep their types, in a rule's if and in its steps.
func TestVars(t *testing.T) {
	set := load(t, `
vars: { s: x, i: 3, f: 1.5, b: true, n: ~, l: [1, a], m: { k: v }, d: 2026-01-01 }
rules:
  - id: r
    on: message
    if: vars.s == "x" && vars.i + 1 == 4 && vars.f < 2 && vars.b && vars.n == nil && vars.l[0] == 1 && vars.m.k == "v" && vars.d == "2026-01-01"
    do:
      - if: vars.s == "x" && vars.i + 1 == 4 && vars.f < 2 && vars.b && vars.n == nil && vars.l[0] == 1 && vars.m.k == "v"
        log: ${{ vars.s }}${{ vars.l }}
`)
	d := set.Match(c2c("x"), facts())
	if len(d.Fired) != 1 {
		t.Fatal(set.Explain(c2c("x"), facts())[0].Text)
	}
	step := set.Rules[0].Steps[0]
	if ok, err := step.If(scope(c2c("x"), facts(), nil)); !ok || err != nil {
		t.Errorf("if %v, %v", ok, err)
	}
	if in, err := step.Inputs(scope(c2c("x"), facts(), nil)); err != nil || in["text"] != `x[1,"a"]` {
		t.Errorf("inputs %v, %v", in, err)
	}
	for _, bad := range []string{`vars.s + 1 == 2`, `vars.i == "3"`, `vars.b > 1`} {
		errs := loadErr(t, "vars: {s: x, i: 3, b: true}\nrules: [{id: r, on: message, if: "+quoteYAML(bad)+", do: [log: x]}]")
		if !strings.Contains(errs.Error(), "mismatched types") {
			t.Errorf("%s: %v", bad, errs)
		}
	}
}
