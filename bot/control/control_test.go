package control_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/control"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"

	"github.com/timbot-go/timbot/actions"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait")) // of a body that is too large
}

// desk is a bot that answers "hi", and somebody who talks to it.
type desk struct {
	bot   *bot.Bot
	alice sdkconn.Conn
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	chat, err := local.Open(t.Context(), local.Memory, local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { chat.Close() })
	conn, err := chat.Login(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	alice, err := chat.Login(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	text := "version: 1\nbot: {connection: \"local::memory:?user=b\"}\nrules:\n" +
		"  - {id: hello, on: message, match: {any_of: [hi]}, do: [reply: hello]}\n"
	set, err := rules.Load(fstest.MapFS{"bot.yaml": {Data: []byte(text)}}, "bot.yaml",
		rules.Options{Catalog: bot.Catalog(actions.NewRegistry(actions.Builtin()...))})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bot.New(conn, set)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &desk{b, alice}
}

func (d *desk) say(t *testing.T, text string) {
	t.Helper()
	_, err := d.alice.SendNewMsg(t.Context(), sdkconn.C2C("b"), &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: text}}})
	if err == nil {
		err = d.bot.Idle(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (d *desk) control() control.Desk {
	return control.Desk{
		Inspector: d.bot.Inspector(),
		Status: func(ctx context.Context) (*control.Status, error) {
			s, err := d.bot.Status(ctx)
			if err != nil {
				return nil, err
			}
			return &control.Status{Status: *s, Version: "v"}, nil
		},
	}
}

// serve serves a desk in a data folder until stop.
func serve(t *testing.T, path string, d control.Desk, more ...func(*control.Server)) (l *control.Listener, stop func()) {
	t.Helper()
	folder, err := bot.OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	if l, err = control.Listen(folder); err != nil {
		t.Fatal(err)
	}
	s := control.NewServer(d, slog.New(slog.DiscardHandler))
	for _, f := range more {
		f(s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, l) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := errors.Join(<-done, l.Close(), folder.Close()); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return l, stop
}

func dial(t *testing.T, folder string) *control.Client {
	t.Helper()
	c, err := control.Dial(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAsking(t *testing.T) {
	d := newDesk(t)
	folder := t.TempDir()
	_, stop := serve(t, folder, d.control())
	c := dial(t, folder)
	ctx := t.Context()
	d.say(t, "hi")
	d.say(t, "what")

	status, err := c.Status(ctx)
	if err != nil || !status.Running || status.User != "b" || status.Rules != 1 || status.Version != "v" || status.Events == 0 {
		t.Errorf("status %+v, %v", status, err)
	}
	found, err := c.Traces(ctx, bot.TraceFilter{Only: "fired", Limit: 5})
	if err != nil || len(found) != 1 || found[0].Runs[0].Rule != "hello" {
		t.Fatalf("traces %+v, %v", found, err)
	}
	story, err := c.Why(ctx, found[0].Event.ID)
	if err != nil || story.Event.Text != "hi" || story.Runs[0].Outcome != "done" || story.Runs[0].Ended.IsZero() {
		t.Errorf("why %+v, %v", story, err)
	}
	if story, err := c.WhyAll(ctx, "last"); err != nil || story.Event.Text != "what" {
		t.Errorf("why last %+v, %v", story, err)
	}
	var missing *bot.NotFoundError
	if _, err := c.Why(ctx, "nothing"); !errors.As(err, &missing) || !strings.Contains(err.Error(), `"nothing"`) {
		t.Errorf("why nothing: %v", err)
	}
	var refused *control.Error
	if _, err := c.Reload(ctx); !errors.As(err, &refused) || refused.Kind != control.KindUnavailable {
		t.Errorf("reload: %v", err)
	}

	stop()
	if _, err := c.Status(ctx); !errors.Is(err, bot.ErrNotRunning) {
		t.Errorf("status of a bot that is gone: %v", err)
	}
	if _, err := control.Dial(ctx, folder); !errors.Is(err, bot.ErrNotRunning) {
		t.Errorf("dial a bot that is gone: %v", err)
	}
	if _, err := control.Dial(ctx, filepath.Join(folder, "never")); !errors.Is(err, bot.ErrNotRunning) {
		t.Errorf("dial a bot that never was: %v", err)
	}
}

func TestFollowing(t *testing.T) {
	d := newDesk(t)
	folder := t.TempDir()
	_, stop := serve(t, folder, d.control())
	c := dial(t, folder)
	seen := make(chan string, 100)
	done := make(chan error)
	go func() {
		done <- c.Follow(t.Context(), bot.TraceFilter{Only: "fired"}, func(s *bot.Summary) error {
			seen <- s.Event.Text
			return nil
		})
	}()
	for heard := false; !heard; {
		d.say(t, "what")
		d.say(t, "hi")
		select {
		case got := <-seen:
			if heard = true; got != "hi" {
				t.Errorf("followed %q", got)
			}
		default:
		}
	}
	stop() // also with somebody who follows
	if err := <-done; !errors.Is(err, bot.ErrNotRunning) {
		t.Errorf("follow ended with %v", err)
	}
}

// raw sends a request as a foreign program would.
func raw(t *testing.T, l *control.Listener, method, path, body string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", l.Path())
	}}}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://bot"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func TestWhatIsRefused(t *testing.T) {
	d := newDesk(t)
	type in struct {
		N int `json:"n"`
	}
	l, _ := serve(t, t.TempDir(), d.control(), func(s *control.Server) {
		s.Handle("POST /v1/twice", control.Answer(func(_ context.Context, in in) (int, error) { return 2 * in.N, nil }))
	})
	for _, x := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/v1/twice", `{"n": 21}`, 200, "42"},
		{"POST", "/v1/twice", ``, 200, "0"},
		{"POST", "/v1/twice", `{"n": `, 400, `"kind":"invalid"`},
		{"POST", "/v1/twice", `{"m": 1}`, 400, "m"},
		{"POST", "/v1/twice", `{"n": 1` + strings.Repeat(" ", 1<<20) + `}`, 413, "too_large"},
		{"GET", "/v1/nothing", "", 404, "there is no GET /v1/nothing here"},
		{"GET", "/v2/status", "", 404, "there is no GET /v2/status here"},
		{"DELETE", "/v1/why", "", 404, "there is no DELETE /v1/why here"},
		{"GET", "/v1/traces?only=some", "", 400, "want fired, quiet or failed"},
		{"GET", "/v1/traces?limit=some", "", 400, "want a number"},
		{"GET", "/v1/traces?since=soon", "", 400, "want a time"},
		{"GET", "/v1/follow?only=some", "", 400, "want fired, quiet or failed"},
		{"GET", "/v1/why", "", 404, "which event?"},
	} {
		status, body := raw(t, l, x.method, x.path, x.body)
		if status != x.status || !strings.Contains(body, x.want) {
			t.Errorf("%s %s: %d %s, want %d %s", x.method, x.path, status, body, x.status, x.want)
		}
	}
}

func TestOnlyTheOwnerMayEnter(t *testing.T) {
	folder := t.TempDir()
	l, _ := serve(t, folder, newDesk(t).control())
	for path, want := range map[string]os.FileMode{l.Path(): 0o600, filepath.Dir(l.Path()): 0o700} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
}

func TestAStaleSocketIsReplaced(t *testing.T) {
	folder := t.TempDir()
	dir := filepath.Join(folder, "control")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "sock")})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false) // as a killed process leaves it
	old.Close()
	if _, err := control.Dial(t.Context(), folder); !errors.Is(err, bot.ErrNotRunning) {
		t.Errorf("dial: %v", err)
	}
	serve(t, folder, newDesk(t).control())
	if _, err := dial(t, folder).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestALongPathMovesTheSocket(t *testing.T) {
	runtime := t.TempDir()
	if len(runtime) > 60 {
		runtime = os.TempDir()
	}
	t.Setenv("XDG_RUNTIME_DIR", runtime)
	folder := filepath.Join(t.TempDir(), strings.Repeat("long", 20), strings.Repeat("er", 20))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t)
	l, stop := serve(t, folder, d.control())
	if !strings.HasPrefix(l.Path(), runtime) || len(l.Path()) > 100 {
		t.Fatalf("socket %s", l.Path())
	}
	if _, err := dial(t, folder).Status(t.Context()); err != nil {
		t.Error(err)
	}
	stop()
	if _, err := os.Stat(filepath.Dir(l.Path())); !os.IsNotExist(err) {
		t.Errorf("left behind: %v", err)
	}
	if _, err := control.Dial(t.Context(), folder); !errors.Is(err, bot.ErrNotRunning) {
		t.Errorf("dial: %v", err)
	}

	// A killed process leaves its pointer; the next one takes it away, and what it points to.
	left, err := os.MkdirTemp(runtime, "timbot-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "control", "path"), []byte(filepath.Join(left, "sock")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Dial(t.Context(), folder); !errors.Is(err, bot.ErrNotRunning) {
		t.Errorf("dial: %v", err)
	}
	serve(t, folder, d.control())
	if _, err := dial(t, folder).Status(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", left, err)
	}
	if err := os.Chmod(filepath.Dir(mustRead(t, filepath.Join(folder, "control", "path"))), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Dial(t.Context(), folder); err == nil || !strings.Contains(err.Error(), "open to other users") {
		t.Errorf("dial where anybody may enter: %v", err)
	}
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}
