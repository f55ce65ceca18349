package actions

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/sdkconn"
)

// TestSpecs holds what every built-in action must say about itself.
func TestSpecs(t *testing.T) {
	for _, s := range builtinSpecs() {
		t.Run(s.Name, func(t *testing.T) {
			if !strings.HasSuffix(s.Doc, ".") {
				t.Errorf("doc is no sentence: %q", s.Doc)
			}
			for _, inputs := range [][]Input{s.Inputs, s.Outputs} {
				documented(t, "", inputs)
			}
			if s.Scalar != "" {
				in, _ := s.Input(s.Scalar)
				if structIn(in.Type) != nil {
					t.Errorf("a bare value cannot set %s", s.Scalar)
				}
			}
		})
	}
}

func documented(t *testing.T, path string, inputs []Input) {
	for _, in := range inputs {
		if !strings.HasSuffix(in.Doc, ".") {
			t.Errorf("%s%s: doc is no sentence: %q", path, in.Name, in.Doc)
		}
		documented(t, path+in.Name+".", in.Fields)
	}
}

// TestExamples reads each example as a rule file would, and decodes its inputs.
func TestExamples(t *testing.T) {
	for _, s := range builtinSpecs() {
		t.Run(s.Name, func(t *testing.T) {
			var step map[string]any
			if err := yaml.Unmarshal([]byte(s.Example), &step); err != nil {
				t.Fatal(err)
			}
			given, ok := step[s.Name]
			if !ok || len(step) != 1 {
				t.Fatalf("the example is no step of %s: %v", s.Name, step)
			}
			in, ok := given.(map[string]any)
			if !ok {
				in = args{s.Scalar: given}
			}
			evaluate(s.Inputs, in)
			if _, errs := conform("", s.Inputs, in); len(errs) > 0 {
				t.Error(errors.Join(errs...))
			}
			if errs := s.checkGroups(in); len(errs) > 0 {
				t.Error(errors.Join(errs...))
			}
		})
	}
}

// evaluate puts a value of the declared type in the place of each expression.
func evaluate(inputs []Input, values args) {
	for _, in := range inputs {
		values[in.Name] = evaluated(in.Type, values[in.Name])
	}
}

func evaluated(t reflect.Type, v any) any {
	if list, ok := v.([]any); ok {
		for i := range list {
			list[i] = evaluated(t.Elem(), list[i])
		}
		return list
	}
	if s, ok := v.(string); !ok || !strings.HasPrefix(s, "${{") {
		return v
	}
	switch t {
	case messageType:
		return theMessage()
	case locatorType:
		return theMessage().Locator()
	}
	return reflect.Zero(t).Interface()
}

type echoIn struct {
	Text     string             `arg:"text,required" doc:"D."`
	Word     string             `arg:"word" enum:"red,green" doc:"D."`
	Words    []string           `arg:"words" enum:"red,green" doc:"D."`
	Int      int64              `arg:"int" doc:"D."`
	Small    int8               `arg:"small" doc:"D."`
	Uint     uint64             `arg:"uint" doc:"D."`
	Float    float64            `arg:"float" doc:"D."`
	Bool     bool               `arg:"bool" doc:"D."`
	Wait     time.Duration      `arg:"wait" doc:"D."`
	Msg      *sdkconn.Message   `arg:"msg" doc:"D."`
	Locator  *sdkconn.Locator   `arg:"locator" doc:"D."`
	Any      any                `arg:"any" doc:"D."`
	Map      map[string]any     `arg:"map" doc:"D."`
	Maybe    *string            `arg:"maybe" doc:"D."`
	Inner    *echoInner         `arg:"inner" doc:"D."`
	List     []echoInner        `arg:"list" doc:"D."`
	Token    string             `arg:"token,secret" doc:"D."`
	Messages []*sdkconn.Message `arg:"messages" doc:"D."`
}

type echoInner struct {
	N    int32         `arg:"n,required" doc:"D."`
	Wait time.Duration `arg:"wait" doc:"D."`
}

type echoOut struct {
	In   echoIn `arg:"in" doc:"D."`
	Text string `arg:"text,text" doc:"D."`
	N    uint8  `arg:"n,value" doc:"D."`
}

var echo = New(Spec{Name: "test.echo", Doc: "Echoes.", Settle: SettleRepeat},
	func(_ context.Context, _ *Call, in echoIn) (echoOut, error) {
		return echoOut{In: in, Text: in.Text, N: 7}, nil
	})

func TestDecode(t *testing.T) {
	msg, s := theMessage(), "x"
	l := msg.Locator()
	tests := []struct {
		name string
		in   args
		want func(*echoIn)
	}{
		{"only what is required", args{}, func(*echoIn) {}},
		{"nil is the same as none", args{"int": nil, "msg": (*sdkconn.Message)(nil), "list": []any(nil)}, func(*echoIn) {}},
		{"word", args{"word": "red"}, func(w *echoIn) { w.Word = "red" }},
		{"words", args{"words": []any{"red", "green"}}, func(w *echoIn) { w.Words = []string{"red", "green"} }},
		{"typed list", args{"words": []string{"red"}}, func(w *echoIn) { w.Words = []string{"red"} }},
		{"int", args{"int": int64(5)}, func(w *echoIn) { w.Int = 5 }},
		{"int of another size", args{"small": int64(-5)}, func(w *echoIn) { w.Small = -5 }},
		{"int from a whole float", args{"int": 5.0}, func(w *echoIn) { w.Int = 5 }},
		{"uint", args{"uint": uint64(1<<64 - 1)}, func(w *echoIn) { w.Uint = 1<<64 - 1 }},
		{"float from an int", args{"float": int64(5)}, func(w *echoIn) { w.Float = 5 }},
		{"bool", args{"bool": true}, func(w *echoIn) { w.Bool = true }},
		{"duration", args{"wait": time.Minute}, func(w *echoIn) { w.Wait = time.Minute }},
		{"duration in words", args{"wait": "2d"}, func(w *echoIn) { w.Wait = 48 * time.Hour }},
		{"message", args{"msg": msg}, func(w *echoIn) { w.Msg = msg }},
		{"messages", args{"messages": []any{msg}}, func(w *echoIn) { w.Messages = []*sdkconn.Message{msg} }},
		{"locator", args{"locator": l}, func(w *echoIn) { w.Locator = &l }},
		{"locator by hand", args{"locator": args{"time": 1, "seq": 2, "rand": 3, "is_self": true}},
			func(w *echoIn) { w.Locator = &sdkconn.Locator{Time: 1, Seq: 2, Rand: 3, IsSelf: true} }},
		{"any", args{"any": []any{1, "x"}}, func(w *echoIn) { w.Any = []any{1, "x"} }},
		{"map", args{"map": args{"a": args{"b": 1}}}, func(w *echoIn) { w.Map = args{"a": args{"b": 1}} }},
		{"pointer", args{"maybe": "x"}, func(w *echoIn) { w.Maybe = &s }},
		{"inner", args{"inner": args{"n": 3, "wait": "1s"}}, func(w *echoIn) { w.Inner = &echoInner{3, time.Second} }},
		{"list", args{"list": []any{args{"n": 1}, args{"n": 2}}}, func(w *echoIn) { w.List = []echoInner{{N: 1}, {N: 2}} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.in["text"] = "t"
			want := echoIn{Text: "t"}
			tt.want(&want)
			res, err := echo.Run(t.Context(), &Call{}, tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if got := res.Out.(echoOut).In; !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestDecodeErrors(t *testing.T) {
	tests := []struct {
		in   args
		want string
	}{
		{args{"text": nil}, "text: is missing: want text"},
		{args{"text": 5}, "text: want text, not a whole number"},
		{args{"token": 5}, "token: want text, not a whole number"},
		{args{"txt": "x"}, "txt: is unknown, did you mean text?; known are "},
		{args{"word": "gren"}, `word: "gren" is not possible: want red or green, did you mean green?`},
		{args{"words": []any{"red", "blue"}}, `words[1]: "blue" is not possible: want red or green`},
		{args{"words": "red"}, "words: want a list of texts, not text"},
		{args{"words": []any{nil}}, "words[0]: is empty: want text"},
		{args{"int": "5"}, "int: want a whole number, not text"},
		{args{"int": 5.5}, "int: want a whole number"},
		{args{"int": time.Second}, "int: want a whole number, not a duration"},
		{args{"int": uint64(1 << 63)}, "int: 9223372036854775808 is too large or negative"},
		{args{"small": 128}, "small: 128 is too large or negative"},
		{args{"uint": -1}, "uint: -1 is too large or negative"},
		{args{"float": "1"}, "float: want a number, not text"},
		{args{"bool": "true"}, "bool: want true or false, not text"},
		{args{"bool": 1}, "bool: want true or false, not a whole number"},
		{args{"wait": 5}, "wait: want a duration, not a whole number"},
		{args{"wait": "soon"}, `wait: "soon" is no duration: want for instance 30s, 5m or 2d`},
		{args{"msg": args{"id": "x"}}, "msg: want a message, not a mapping"},
		{args{"msg": *theMessage()}, "msg: want a message, not a mapping"},
		{args{"locator": args{"time": 1}}, "locator.seq: is missing: want a whole number"},
		{args{"locator": "x"}, "locator: want a locator, not text"},
		{args{"map": []any{}}, "map: want a mapping, not a list"},
		{args{"inner": "x"}, "inner: want a mapping, not text"},
		{args{"inner": args{"n": 1, "m": 2}}, "inner.m: is unknown, did you mean n?; known are n, wait"},
		{args{"list": []any{args{"n": 1}, args{}}}, "list[1].n: is missing: want a whole number"},
		{args{"Text": "x"}, "Text: is unknown, did you mean text?"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			if _, ok := tt.in["text"]; !ok {
				tt.in["text"] = "t"
			}
			_, err := echo.Run(t.Context(), &Call{}, tt.in)
			var input *InputError
			if !errors.As(err, &input) || !strings.HasPrefix(err.Error(), "test.echo: "+tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestDecodeTellsEverythingAtOnce(t *testing.T) {
	_, err := echo.Run(t.Context(), &Call{}, args{"int": "x", "nope": 1, "bool": 1})
	for _, want := range []string{"text: is missing", "int: want", "bool: want", "nope: is unknown"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

func TestGroups(t *testing.T) {
	for _, tt := range []struct {
		in   args
		want string
	}{
		{args{}, "text: is missing: give text, elements or forward"},
		{args{"text": nil}, "text: is missing: give text, elements or forward"},
		{args{"text": "a", "elements": []any{args{"text": "b"}}}, "elements: cannot be given together with text: choose one"},
		{args{"text": "a", "to_user": "u", "to_group": "g"}, "to_group: cannot be given together with to_user: choose one"},
		{args{"text": "a", "mentions": []any{"u"}, "only_to": []any{"u"}}, "only_to: cannot be given together with mentions: choose one"},
	} {
		conn := new(recorder)
		_, err := Send.Run(t.Context(), newCall(t, conn), tt.in)
		if err == nil || err.Error() != "send: "+tt.want {
			t.Errorf("%v: got %v, want %s", tt.in, err, tt.want)
		}
		if len(conn.calls) > 0 {
			t.Errorf("%v: called %+v", tt.in, conn.calls)
		}
	}
}

func TestResultValues(t *testing.T) {
	msg := theMessage()
	res, err := echo.Run(t.Context(), &Call{}, args{
		"text": "t", "small": 3, "msg": msg, "list": []any{args{"n": 1}}, "wait": "1m", "maybe": "x",
	})
	if err != nil {
		t.Fatal(err)
	}
	if res.Text != "t" || res.Value != int64(7) {
		t.Errorf("text %q, value %v", res.Text, res.Value)
	}
	v := res.Values()["in"].(map[string]any)
	want := args{
		"text": "t", "word": "", "words": []any{}, "int": int64(0), "small": int64(3), "uint": int64(0), "float": 0.0,
		"bool": false, "wait": time.Minute, "locator": nil, "any": nil, "map": map[string]any(nil), "maybe": "x",
		"inner": nil, "list": []any{args{"n": int64(1), "wait": time.Duration(0)}}, "token": "", "messages": []any{},
		"msg": v["msg"],
	}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("got  %v\nwant %v", v, want)
	}
	if got := v["msg"].(*sdkconn.Message); !reflect.DeepEqual(got, msg) {
		t.Errorf("message %+v", got)
	}
	if (Result{}).Values() != nil {
		t.Error("values of nothing")
	}
}

func TestNewRefusesMistakes(t *testing.T) {
	type untagged struct{ A string }
	type twice struct {
		A string `arg:"a"`
		B string `arg:"a"`
	}
	type channel struct {
		C chan int `arg:"c"`
	}
	type option struct {
		A string `arg:"a,requird"`
	}
	type ok struct {
		A string `arg:"a"`
	}
	good := Spec{Name: "good", Settle: SettleRepeat}
	with := func(f func(*Spec)) Spec { s := good; f(&s); return s }
	for name, make := range map[string]func(){
		"no tag":           func() { New(good, run[untagged]) },
		"a name twice":     func() { New(good, run[twice]) },
		"a channel":        func() { New(good, run[channel]) },
		"unknown option":   func() { New(good, run[option]) },
		"no settle":        func() { New(with(func(s *Spec) { s.Settle = "" }), run[ok]) },
		"no name":          func() { New(with(func(s *Spec) { s.Name = "" }), run[ok]) },
		"a reserved name":  func() { New(with(func(s *Spec) { s.Name = "if" }), run[ok]) },
		"scalar unknown":   func() { New(with(func(s *Spec) { s.Scalar = "b" }), run[ok]) },
		"group unknown":    func() { New(with(func(s *Spec) { s.OneOf = [][]string{{"a", "b"}} }), run[ok]) },
		"one name twice":   func() { NewRegistry(Reply, Reply) },
		"bad plugin names": func() { New(with(func(s *Spec) { s.Name = "a.b.c" }), run[ok]) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("was taken")
				}
			}()
			make()
		})
	}
	New(good, run[ok])
}

func run[A any](context.Context, *Call, A) (struct{}, error) { return struct{}{}, nil }

func TestRegistry(t *testing.T) {
	r := NewRegistry(Builtin()...)
	want := []string{
		"announce", "archive", "delete", "download", "find", "history", "http", "import", "log", "mark_read", "mute",
		"remove_member", "reply", "revoke", "save", "send", "unmute",
	}
	if got := r.Names(); !slices.Equal(got, want) {
		t.Errorf("names %v", got)
	}
	for _, name := range want {
		if a, ok := r.Lookup(name); !ok || a.Spec().Name != name {
			t.Errorf("%s is not there", name)
		}
	}
	if _, ok := r.Lookup("nope"); ok {
		t.Error("nope is there")
	}
	if err := r.Register(Reply); err == nil || err.Error() != `register action "reply": the name is taken` {
		t.Errorf("got %v", err)
	}
	if err := new(Registry).Register(echo); err != nil {
		t.Error(err)
	}
}

func TestRetry(t *testing.T) {
	if Retry(nil, time.Second) != nil {
		t.Error("advice about no error")
	}
	base := errors.New("busy")
	err := Retry(base, time.Second)
	if after, ok := RetryAfter(err); !ok || after != time.Second || !errors.Is(err, base) || err.Error() != "busy" {
		t.Errorf("got %v, %v, %v", after, ok, err)
	}
	if _, ok := RetryAfter(base); ok {
		t.Error("advice where there is none")
	}
}
