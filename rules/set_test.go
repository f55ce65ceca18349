package rules

import (
	"errors"
	"testing"
	"testing/fstest"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// load makes a set of one file without its version line.
func load(t testing.TB, rules string) *Set {
	t.Helper()
	return loadFS(t, fstest.MapFS{"bot.yaml": {Data: []byte("version: 1\n" + rules)}})
}

func loadFS(t testing.TB, fsys fstest.MapFS) *Set {
	t.Helper()
	set, err := Load(fsys, "bot.yaml", Options{Catalog: catalog, Env: func(name string) (string, bool) { return "s3cret-" + name, true }})
	var errs Errors
	if errors.As(err, &errs) {
		t.Fatalf("Load:\n%s", errs.Render())
	}
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// loadErr returns the errors of one file without its version line.
func loadErr(t testing.TB, rules string) Errors {
	t.Helper()
	_, err := Load(fstest.MapFS{"bot.yaml": {Data: []byte("version: 1\n" + rules)}}, "bot.yaml", Options{Catalog: catalog})
	var errs Errors
	if !errors.As(err, &errs) {
		t.Fatalf("Load: %v, want Errors", err)
	}
	return errs
}

const epoch = 1_700_000_000

func textMsg(sender string, conv sdkconn.Conversation, text string) *sdkconn.Message {
	return &sdkconn.Message{
		Sender: sender, ConvID: conv.ID, ConvType: conv.Type, ServerTime: epoch, ClientTime: epoch, Seq: 7, Rand: 77,
		Status: sdkconn.StatusSendSucc, Elems: sdkconn.Elems{&sdkconn.TextElem{Text: text}},
	}
}

func newMsg(m *sdkconn.Message) *sdkconn.Event {
	return &sdkconn.Event{Kind: sdkconn.EventNewMsg, At: m.ServerTime, Message: m}
}

// c2c is what the bot sees when mallory writes to it; said is the same in a group.
func c2c(text string) *Event {
	return &Events(newMsg(textMsg("mallory", sdkconn.C2C("mallory"), text)), "bot")[0]
}

func said(text string) *Event {
	return &Events(newMsg(textMsg("mallory", sdkconn.Group("@TGS#1"), text)), "bot")[0]
}

func facts() *Facts {
	return &Facts{Now: time.Unix(epoch, 0).UTC(), BotName: "Bot", Admins: []string{"alice"}}
}

func ptr(s string) *string { return &s }

// ids lists what fired, shadow rules with a ~ before.
func ids(d Decision) []string {
	var out []string
	for _, f := range d.Fired {
		if f.Shadow {
			out = append(out, "~"+f.Rule.ID)
		} else {
			out = append(out, f.Rule.ID)
		}
	}
	return out
}

// scope is the scope of a run that a rule's firing began.
func scope(ev *Event, f *Facts, hit *Hit) *Scope {
	return &Scope{Event: ev, Facts: f, Hit: hit, Vars: map[string]any{}, Steps: map[string]*Result{}, Locals: map[string]any{}}
}
