package plugins

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

type nothing = struct{}

// handler makes a Handler of types alone.
func handler[In, Out any]() Handler {
	return Func(func(context.Context, In) (out Out, err error) { return out, nil })
}

type loop struct {
	Next *loop `json:"next"`
}

// What cannot be declared is told in words of who declares it.
func TestWrongDeclarations(t *testing.T) {
	one := func(h Handler) Plugin {
		return Plugin{Name: "p", Version: "1", Actions: []Action{{Name: "a", Do: h}}}
	}
	for want, p := range map[string]Plugin{
		`Plugin.Name is "My Plugin": want lower_snake_case`:            {Name: "My Plugin", Version: "1"},
		`Plugin.Version is empty`:                                      {Name: "p"},
		`an action's Name is "A": want lower_snake_case`:               {Name: "p", Version: "1", Actions: []Action{{Name: "A"}}},
		`action a has no Do`:                                           one(nil),
		`two actions are called a`:                                     {Name: "p", Version: "1", Actions: []Action{{Name: "a", Do: handler[nothing, nothing]()}, {Name: "a"}}},
		`action a: its function is nil`:                                one(Func[nothing, nothing](nil)),
		`action a: inputs: string is no struct`:                        one(handler[string, nothing]()),
		`inputs: X: its json tag must give a name in lower_snake_case`: one(handler[struct{ X int }, nothing]()),
		`inputs: x: a time.Duration is a number in JSON`: one(handler[struct {
			X time.Duration `json:"x"`
		}, nothing]()),
		`outputs: x: chan int cannot be an input or output`: one(handler[nothing, struct {
			X chan int `json:"x"`
		}]()),
		`outputs: next: plugins.loop holds itself`: one(handler[nothing, loop]()),
		`inputs: x: the tag plugin:"text" means nothing here: there are scalar, secret`: one(handler[struct {
			X string `json:"x" plugin:"text"`
		}, nothing]()),
		`outputs: x: plugin:"text" belongs to a string`: one(handler[nothing, struct {
			X int `json:"x" plugin:"text"`
		}]()),
		`inputs: x: enum belongs to a string`: one(handler[struct {
			X int `json:"x" enum:"1,2"`
		}, nothing]()),
	} {
		if _, err := p.Manifest(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

func TestStartedByAPerson(t *testing.T) {
	p := Plugin{Name: "shop", Version: "1.0.0"}
	var out bytes.Buffer
	err := serve(p, nil, nil, &out)
	if err == nil || !strings.Contains(err.Error(), "this is shop 1.0.0, a plugin of timbot") || out.Len() > 0 {
		t.Errorf("%v %s", err, &out)
	}
	if err := serve(p, []string{"manifest"}, nil, &out); err != nil || !strings.HasPrefix(out.String(), "name: \"shop\"\n") {
		t.Errorf("%v %s", err, &out)
	}
}

func TestDuration(t *testing.T) {
	var in struct {
		D Duration `json:"d"`
	}
	h := Func(func(_ context.Context, got struct {
		D Duration `json:"d"`
	}) (nothing, error) {
		in = got
		return nothing{}, nil
	})
	if _, err := h.call(t.Context(), []byte(`{"d":"1h30m0s"}`)); err != nil || time.Duration(in.D) != 90*time.Minute {
		t.Errorf("%v %v", in, err)
	}
	if _, err := h.call(t.Context(), []byte(`{"e":1}`)); err == nil || !strings.Contains(err.Error(), "is its plugin.yaml current?") {
		t.Errorf("%v", err)
	}
}

// Without a bot, as in a test of the author's, calling back is an error and logging is silent.
func TestWithoutABot(t *testing.T) {
	ctx := t.Context()
	if err := BotOf(ctx).Reply(ctx, "x"); err != errNoBot {
		t.Errorf("%v", err)
	}
	if err := BotOf(ctx).Well(ctx); err != errNoBot {
		t.Errorf("%v", err)
	}
	Log(ctx).Info("x")
	if c := CallOf(ctx); c != (Call{}) {
		t.Errorf("%+v", c)
	}
}
