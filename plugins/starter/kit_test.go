package starter_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/plugins/host"
	"github.com/timbot-go/timbot/plugins/starter"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// desk is the bot that the plugins ask. It tells what it did.
type desk struct {
	mu    sync.Mutex
	state map[string][]byte
	did   []string
}

func (d *desk) note(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.did = append(d.did, text)
}

func (d *desk) has(text string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.did {
		if s == text {
			return true
		}
	}
	return false
}

func (d *desk) Act(_ context.Context, a host.Act) (map[string]any, error) {
	text, _ := a.Input["text"].(string)
	d.note(a.Action + " " + text)
	return nil, nil
}

func (d *desk) PluginState(_ context.Context, _, key string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state[key], nil
}

func (d *desk) SetPluginState(_ context.Context, _, key string, value []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state[key] = value
	return nil
}

func (d *desk) Signal(_ context.Context, name string, data jsontext.Value) error {
	d.note("signal " + name + string(data))
	return nil
}

// syncBuffer is a log that is read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// The kits of Python and Node do what the one in Go does, towards the host itself.
func TestKits(t *testing.T) {
	for _, k := range []struct{ lang, command string }{
		{"python", python + ", ./plugin.py"}, {"node", "node, ./plugin.mjs"},
	} {
		t.Run(k.lang, func(t *testing.T) {
			if k.lang == "python" {
				needPython(t)
			} else {
				needNode(t)
			}
			dir := write(t, starter.Options{Name: "kit", Language: k.lang})
			manifest, err := os.ReadFile("testdata/plugin.yaml")
			if err != nil {
				t.Fatal(err)
			}
			manifest = bytes.ReplaceAll(manifest, []byte("COMMAND"), []byte(k.command))
			if err := os.WriteFile(filepath.Join(dir, rules.ManifestName), manifest, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(filepath.Join(dir, "over"), os.DirFS(filepath.Join("testdata", k.lang))); err != nil {
				t.Fatal(err)
			}
			do(t, dir, "cp -R over/. .")
			testKit(t, dir)
		})
	}
}

func testKit(t *testing.T, dir string) {
	m, err := rules.LoadManifest(os.DirFS(dir), rules.ManifestName)
	if err != nil {
		t.Fatal(err)
	}
	p := bot.PluginOf(&rules.Plugin{Name: "kit", Manifest: m, Dir: ".", Grants: m.Asks, Conversations: []string{"event"}}, dir)
	log := new(syncBuffer)
	data := t.TempDir()
	h, err := host.New(host.Config{Dir: data, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			h.Close()
		}
	}()
	d := &desk{state: make(map[string][]byte)}
	h.Use([]host.Plugin{p}, d)
	call := func(ctx context.Context, action, what string) (string, error) {
		a, ok := h.Lookup("kit." + action)
		if !ok {
			t.Fatal("no action")
		}
		r, err := a.Run(ctx, &actions.Call{EffectID: "e1", Rule: "r", Step: "s", User: "alice", Conversation: sdkconn.C2C("alice")},
			map[string]any{"what": what})
		return r.Text, err
	}
	ctx := t.Context()
	for _, c := range []struct{ action, what, want string }{
		{"act", "hello", "hello e1 r s c2c_alice alice"}, {"act", "reply", "reply e1 r s c2c_alice alice"}, {"act", "state", "state"},
		{"act", "signal", "signal e1 r s c2c_alice alice"}, {"act", "log", "log e1 r s c2c_alice alice"}, {"act", "unwell", "unwell e1 r s c2c_alice alice"},
		{"sync", "hello", "hello"}, {"sync", "reply", "[1]"},
	} {
		if got, err := call(ctx, c.action, c.what); got != c.want || err != nil {
			t.Errorf("%s %s: %q, %v, want %q", c.action, c.what, got, err, c.want)
		}
	}
	for _, want := range []string{"signal begun", "reply from the plugin", `signal told{"from":"plugin"}`} {
		if !d.has(want) {
			t.Errorf("the bot was not asked for %q but %q", want, d.did)
		}
	}
	if s := h.Status()[0]; s.State != "unwell" || !strings.Contains(s.Error, "the database is away") {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(log.String(), `level=WARN msg="a warning a=1`) {
		t.Error(log.String())
	}
	for _, c := range []struct{ what, code string }{{"send", "forbidden"}, {"bug", "exception"}, {"error", "busy"}, {"no JSON", "exception"}} {
		_, err := call(ctx, "act", c.what)
		if f := new(actions.Failure); !errors.As(err, &f) || f.Code != c.code {
			t.Errorf("%s: %v, want %s", c.what, err, c.code)
		}
		if after, ok := actions.RetryAfter(err); c.what == "error" && (!ok || after != 3*time.Second) {
			t.Errorf("%s: again after %v", c.what, after)
		}
	}

	// A call that nobody waits for ends, and nothing else does.
	for _, action := range []string{"act", "sync"} {
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		got, err := call(short, action, "wait") // a thread may answer with what it has
		if !errors.Is(err, context.DeadlineExceeded) && (action != "sync" || got != "wait") {
			t.Errorf("%s: %q, %v", action, got, err)
		}
		cancel()
	}
	if s := h.Status()[0]; s.Ends != 0 || s.Starts != 1 {
		t.Errorf("%+v", s)
	}

	// One that does not end is killed, and the next call has a new process.
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	if _, err := call(short, "sync", "hang"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	cancel()
	if got, err := call(ctx, "act", "hello"); err != nil || h.Status()[0].Ends != 1 {
		t.Errorf("%s %v %+v", got, err, h.Status()[0])
	}

	// Told to stop it lets its own work end.
	closed = true
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(data, "kit", "stopped")); err != nil {
		t.Error(err)
	}
}
