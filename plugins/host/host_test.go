package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/sdkconn"
)

func input(name string, t reflect.Type, required bool) actions.Input {
	return actions.Input{Name: name, Type: t, Required: required}
}

var (
	text  = reflect.TypeFor[string]()
	whole = reflect.TypeFor[int64]()
	truth = reflect.TypeFor[bool]()
	any_  = reflect.TypeFor[any]()
	texts = reflect.TypeFor[[]string]()
)

func goodActions(name string, timeout time.Duration) []Action {
	outputs := []actions.Input{
		input("text", text, true), input("pid", whole, true), input("effect", text, true), input("again", truth, true),
		input("big", whole, true), input("any", any_, false), input("list", texts, true), input("env", texts, false),
		input("dir", text, false), input("files", texts, false),
	}
	echo := []actions.Input{
		input("text", text, true), input("size", whole, false), input("big", whole, false), input("any", any_, false),
		input("rate", reflect.TypeFor[float64](), false),
	}
	act := []actions.Input{input("what", text, true), input("key", text, false)}
	one := func(n string, in []actions.Input, settle actions.Settle) Action {
		return Action{Timeout: timeout, Spec: actions.Spec{
			Name: name + "." + n, Inputs: in, Outputs: outputs, Text: "text", Settle: settle, ActsOnChat: n == "act",
		}}
	}
	return []Action{
		one("echo", echo, actions.SettleRepeat), one("look", nil, actions.SettleRepeat), one("act", act, actions.SettleRepeat),
		one("once", act, actions.SettleReport),
	}
}

// aPlugin is the test binary as a plugin that behaves so.
func aPlugin(t testing.TB, name, mode string) Plugin {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Plugin{
		Name: name, Program: "good", Version: "1.0.0", Dir: filepath.Dir(self), Command: []string{self, mode},
		Actions: goodActions(name, 10*time.Second), Limits: Limits{Concurrency: 64},
		Restart: Restart{Backoff: time.Microsecond, Crashes: 1000, Within: time.Hour},
	}
}

// fakeBot is what plugins may ask.
type fakeBot struct {
	mu    sync.Mutex
	acts  []Act
	state map[string][]byte
	heard chan string
}

func newFakeBot() *fakeBot {
	return &fakeBot{state: make(map[string][]byte), heard: make(chan string, 100)}
}

func (b *fakeBot) Act(_ context.Context, a Act) (map[string]any, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.acts = append(b.acts, a)
	return map[string]any{"id": "m1"}, nil
}

func (b *fakeBot) PluginState(_ context.Context, plugin, key string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state[plugin+"/"+key], nil
}

func (b *fakeBot) SetPluginState(_ context.Context, plugin, key string, value []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state[plugin+"/"+key] = value
	return nil
}

func (b *fakeBot) Signal(_ context.Context, name string, data jsontext.Value) error {
	b.heard <- name + string(data)
	return nil
}

type testHost struct {
	*Host
	t   testing.TB
	bot *fakeBot
	log *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
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

func newTestHost(t testing.TB, clock clockwork.Clock, list ...Plugin) *testHost {
	t.Helper()
	log := new(syncBuffer)
	h, err := New(Config{
		Dir: t.TempDir(), Clock: clock, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Env: func(name string) (string, bool) {
			switch name {
			case "PATH":
				return os.Getenv("PATH"), true
			case "GRANTED":
				return "yes", true
			case "SECRET":
				return "hunter2", true
			}
			return "", false
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	bot := newFakeBot()
	h.Use(list, bot)
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return &testHost{h, t, bot, log}
}

var aCall = &actions.Call{EffectID: "e1", Rule: "r", Step: "s", User: "alice", Conversation: sdkconn.C2C("alice")}

func (h *testHost) call(ctx context.Context, name string, args map[string]any) (actions.Result, error) {
	a, ok := h.Lookup(name)
	if !ok {
		h.t.Fatalf("no action %s", name)
	}
	return a.Run(ctx, aCall, args)
}

func (h *testHost) do(name, what string) (actions.Result, error) {
	return h.call(h.t.Context(), name, map[string]any{"what": what})
}

// works checks that the plugin answers.
func (h *testHost) works(name string) {
	h.t.Helper()
	r, err := h.call(h.t.Context(), name+".echo", map[string]any{"text": "hi"})
	if err != nil || r.Text != "hi" {
		h.t.Fatalf("%s answers %q, %v", name, r.Text, err)
	}
}

// code is what rules see of an error.
func code(err error) string {
	var f *actions.Failure
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

func TestCall(t *testing.T) {
	h := newTestHost(t, nil, aPlugin(t, "shop", "good"))
	r, err := h.call(t.Context(), "shop.echo", map[string]any{
		"text": "你好", "big": int64(9007199254740993), "any": []any{int64(1), 2 * time.Minute, map[string]any{"x": nil}}, "rate": int64(2),
	})
	if err != nil {
		t.Fatal(err)
	}
	out := r.Values()
	if out["text"] != "你好" || r.Text != "你好" || out["big"] != int64(9007199254740993) || out["effect"] != "e1" || out["again"] != false {
		t.Errorf("answered %v", out)
	}
	if got, want := fmt.Sprint(out["any"]), "[1 2m0s map[x:<nil>]]"; got != want {
		t.Errorf("any is %s, want %s", got, want)
	}
	if list, ok := out["list"].([]any); !ok || len(list) != 0 {
		t.Errorf("a list that is null is %#v, want an empty one", out["list"])
	}
	var wrong *actions.InputError
	if _, err := h.call(t.Context(), "shop.echo", map[string]any{"text": int64(1)}); !errors.As(err, &wrong) {
		t.Errorf("a wrong input: %v", err)
	}
	if _, err := h.call(t.Context(), "shop.echo", map[string]any{"text": "x", "any": &sdkconn.Message{}}); !errors.As(err, &wrong) {
		t.Errorf("a message: %v", err)
	}
	if _, err := h.call(t.Context(), "shop.echo", map[string]any{"text": strings.Repeat("x", 1<<20)}); !errors.As(err, &wrong) {
		t.Errorf("a large input: %v", err)
	}
	if r, err := h.call(t.Context(), "shop.echo", map[string]any{"text": "", "size": int64(1_000_000)}); err != nil || len(r.Text) != 1_000_000 {
		t.Errorf("a large output: %d bytes, %v", len(r.Text), err)
	}
	h.works("shop")
	if s := h.Status()[0]; s.Starts != 1 || s.State != StateRunning || s.Calls != 0 || s.Ends != 0 {
		t.Errorf("%+v", s)
	}
}

// What a plugin sees is what it was given, and no more.
func TestOutOfReach(t *testing.T) {
	p := aPlugin(t, "shop", "good")
	p.Env = []string{"GRANTED"}
	t.Setenv("NOT_GRANTED", "x")
	h := newTestHost(t, nil, p)
	f, err := os.Open(os.Args[0]) // what the bot has open
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := h.call(t.Context(), "shop.look", nil)
	if err != nil {
		t.Fatal(err)
	}
	env := fmt.Sprint(r.Values()["env"])
	if !strings.Contains(env, "GRANTED=yes") || strings.Contains(env, "NOT_GRANTED") || strings.Contains(env, "hunter2") {
		t.Errorf("it sees %s", env)
	}
	if dir := r.Values()["dir"]; dir != filepath.Join(h.dir, "shop") {
		t.Errorf("it is in %s", dir)
	}
	for _, file := range r.Values()["files"].([]any) {
		name := file.(string)
		if filepath.IsAbs(name) && !strings.HasPrefix(name, "/proc") && !strings.HasPrefix(name, "/sys") && name != "/dev/null" {
			t.Errorf("it has %s open", name)
		}
	}
}

func TestErrors(t *testing.T) {
	h := newTestHost(t, nil, aPlugin(t, "shop", "good"))
	for _, c := range []struct{ what, code, text string }{
		{"error", "failed", "shop.act: no luck"},
		{"own error", "not_found", "look up 17: not_found: no such order"},
		{"panic", "panic", "panic: in the function"},
	} {
		_, err := h.do("shop.act", c.what)
		if code(err) != c.code || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %q %v", c.what, code(err), err)
		}
	}
	var f *actions.Failure
	if _, err := h.do("shop.act", "own error"); !errors.As(err, &f) || !f.Final {
		t.Errorf("the error is not final: %v", err)
	}
	_, err := h.do("shop.act", "later")
	if after, ok := actions.RetryAfter(err); !ok || after != 3*time.Second {
		t.Errorf("retry after %s, %t", after, ok)
	}
	if s := h.Status()[0]; s.Starts != 1 || s.Ends != 0 {
		t.Errorf("an error costs a process: %+v", s)
	}
}

// processes are the children of this process that live, and its open files.
func processes(t *testing.T) (children, files int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0, 0
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
		if len(fields) > 1 && fields[1] == fmt.Sprint(os.Getpid()) {
			children++
		}
	}
	names, _ := os.ReadDir("/proc/self/fd")
	return children, len(names)
}

// Whatever a plugin does, its step gets an error that says so, it works again, and others never noticed.
func TestCrashes(t *testing.T) {
	bad := aPlugin(t, "bad", "good")
	bad.Actions = goodActions("bad", 300*time.Millisecond)
	bad.Limits.Memory = 150 << 20
	h := newTestHost(t, nil, aPlugin(t, "fine", "good"), bad)
	h.works("fine")
	for _, c := range []struct{ what, text string }{
		{"crash", "panic: in a goroutine"}, {"exit", "exit status 3"}, {"kill", "signal: killed"}, {"child", "exit status 4"},
		{"hang", "it did not end a call of act when it should, and was killed"},
	} {
		_, err := h.do("bad.act", c.what)
		if err == nil || !strings.Contains(err.Error(), c.text) || code(err) != codeCrashed {
			t.Errorf("%s: %q %v", c.what, code(err), err)
		}
		h.works("bad")
		_, err = h.do("bad.once", c.what)
		if c.what != "hang" && !errors.Is(err, actions.ErrUnsettled) {
			t.Errorf("%s, not idempotent: %v", c.what, err)
		}
		h.works("bad")
		h.works("fine")
	}
	if _, err := h.do("bad.act", "wait"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a deadline: %v", err)
	}
	h.works("bad")
	if s := h.Status()[0]; s.Starts != 1 || s.Ends != 0 {
		t.Errorf("the plugin beside it: %+v", s)
	}
}

func TestMemoryLimit(t *testing.T) {
	if runtime.GOOS != "linux" {
		return
	}
	p := aPlugin(t, "bad", "good")
	p.Limits.Memory = 150 << 20
	h := newTestHost(t, nil, p)
	_, err := h.do("bad.act", "memory")
	if err == nil || !strings.Contains(err.Error(), "of memory, and may hold 150: it was killed") {
		t.Errorf("%v", err)
	}
	h.works("bad")
}

// Nothing is left of a plugin that is killed in the middle of a call, a hundred times.
func TestKilledInMidCall(t *testing.T) {
	h := newTestHost(t, nil, aPlugin(t, "bad", "good"))
	h.works("bad")
	children, files := processes(t)
	goroutines := runtime.NumGoroutine()
	for range 100 {
		pid := h.Status()[0].PID
		done := make(chan error)
		go func() {
			_, err := h.do("bad.act", "wait")
			done <- err
		}()
		for h.Status()[0].Calls == 0 {
			runtime.Gosched()
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := <-done; code(err) != codeCrashed || !strings.Contains(err.Error(), "signal: killed") {
			t.Fatalf("%v", err)
		}
		h.works("bad")
	}
	h.settled()
	if c, f := processes(t); c != children || f > files {
		t.Errorf("%d processes and %d files, %d and %d before", c, f, children, files)
	}
	if n := runtime.NumGoroutine(); n > goroutines+5 {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
}

// settled waits until nothing of old processes is left.
func (h *testHost) settled() {
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		if names, _ := os.ReadDir(h.run); len(names) <= len(h.Status()) {
			return
		}
		runtime.Gosched()
	}
}

// A plugin that begins wrongly is told so, and leaves nothing behind.
func TestBadStarts(t *testing.T) {
	clock := clockwork.NewFakeClock()
	children, files := processes(t)
	func() {
		log := make(map[string]string)
		var list []Plugin
		for name, c := range map[string][2]string{
			"silent": {"silent", "it was not ready within 30s and was killed"},
			"dead":   {"dead at once", "it wrote no handshake: exit status 7; it said: cannot find the database"},
			"hello":  {"no handshake", `is no handshake: "Hello, world!"`},
			"line":   {"endless line", "it was not ready within 30s and was killed"},
			"proto":  {"other protocol", `it speaks version "9" of the protocol, and this timbot version 1`},
			"nocert": {"no certificate", "gives no certificate"},
			"nobody": {"nobody there", "open the session"},
			"deaf":   {"deaf", "it was not ready within 30s and was killed"},
			"never":  {"never ready", "it was not ready within 30s and was killed"},
			"other":  {"other name", `says that it is "evil" "1.0.0", and plugin.yaml good 1.0.0`},
			"fewer":  {"fewer actions", "the program has no action echo"},
			"first":  {"wrong first message", "its first message is not ready"},
			"ends":   {"session ends", "wait for ready: EOF"},
		} {
			list = append(list, aPlugin(t, name, c[0]))
			log[name] = c[1]
		}
		none := aPlugin(t, "none", "x")
		none.Command = []string{"./not/there"}
		sum := aPlugin(t, "sum", "good")
		sum.Checksums = []string{"sha256:" + strings.Repeat("0", 64)}
		list = append(list, none, sum)
		log["none"], log["sum"] = "no such file", "and sha256:0000000000"
		h := newTestHost(t, clock, list...)
		var waiting sync.WaitGroup
		for name, want := range log {
			waiting.Go(func() {
				_, err := h.call(t.Context(), name+".echo", map[string]any{"text": "x"})
				if code(err) != codeDown || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %q %v", name, code(err), err)
				}
			})
		}
		done := make(chan struct{})
		go func() {
			waiting.Wait()
			close(done)
		}()
		for begin := time.Now(); ; {
			select {
			case <-done:
				if err := h.Close(); err != nil {
					t.Error(err)
				}
				return
			default:
			}
			if time.Since(begin) > 3*time.Second { // those that answer have done so
				clock.Advance(time.Second)
			}
			runtime.Gosched()
		}
	}()
	if c, f := processes(t); c != children || f > files {
		t.Errorf("%d processes and %d files, %d and %d before", c, f, children, files)
	}
}

// What a plugin answers is checked, by whichever way it answers.
func TestGarbage(t *testing.T) {
	var list []Plugin
	want := map[string]string{
		"status": "broke the call off: not as it should be", "no result": "what its plugin.yaml does not say",
		"garbage": "no JSON", "no object": "the JSON is no object", "wrong type": "text: want text, not a whole number",
		"missing": "pid: is missing", "unknown output": "more: is unknown", "twice": "no JSON",
		"too large": "more than the 1048576", "much too large": "larger than 4194304 bytes", "deep": "no JSON",
		"odd error": "long long",
	}
	for mode, text := range maps.Clone(want) {
		if mode != "status" && mode != "much too large" { // which end the stream
			want["streamed "+mode] = text
		}
	}
	for mode := range want {
		list = append(list, aPlugin(t, strings.ReplaceAll(mode, " ", "_"), mode))
	}
	h := newTestHost(t, nil, list...)
	for mode, text := range want {
		name := strings.ReplaceAll(mode, " ", "_")
		_, err := h.call(t.Context(), name+".echo", map[string]any{"text": "x"})
		if err == nil || !strings.Contains(err.Error(), text) || len(err.Error()) > 1000 {
			t.Errorf("%s: %v", mode, err)
		}
		if !strings.HasSuffix(mode, "odd error") && code(err) != codeFault {
			t.Errorf("%s: the code is %q", mode, code(err))
		}
	}
	for _, s := range h.Status() {
		if s.State != StateRunning || s.Ends != 0 {
			t.Errorf("%+v", s)
		}
	}
}

// A plugin that breaks the stream of its calls fails those that run, and is started anew.
func TestBrokenStreams(t *testing.T) {
	var list []Plugin
	want := map[string]string{
		"status": "the stream of calls ended: rpc error: code = Unknown desc = not as it should be", "stream ends": "it ended the stream of calls",
		"much too large": "larger than max", "no such stream": "code = Unimplemented",
	}
	for mode := range want {
		list = append(list, aPlugin(t, strings.ReplaceAll(mode, " ", "_"), "streamed "+mode))
	}
	h := newTestHost(t, nil, append(list, aPlugin(t, "strays", "streamed strays"), aPlugin(t, "twice", "streamed replies twice"))...)
	var calling sync.WaitGroup
	for mode, text := range want {
		calling.Go(func() {
			for range 2 {
				_, err := h.call(t.Context(), strings.ReplaceAll(mode, " ", "_")+".once", map[string]any{"what": "x"})
				if err == nil || !strings.Contains(err.Error(), text) {
					t.Errorf("%s: %v", mode, err)
				}
				// Where it was found out before the call was made, nothing has happened.
				if c := code(err); c != codeCrashed && (mode != "no such stream" || c != codeDown) || errors.Is(err, actions.ErrUnsettled) != (c == codeCrashed) {
					t.Errorf("%s: the code is %q of %v", mode, code(err), err)
				}
			}
		})
	}
	calling.Wait()
	for range 3 {
		for _, name := range []string{"strays", "twice"} {
			if _, err := h.call(t.Context(), name+".echo", map[string]any{"text": "x"}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, s := range h.Status() {
		if restarted := want[strings.ReplaceAll(s.Name, "_", " ")] != ""; restarted != (s.Ends > 0) {
			t.Errorf("%+v", s)
		}
	}
}

func TestOddMessages(t *testing.T) {
	h := newTestHost(t, nil, aPlugin(t, "odd", "odd messages"), aPlugin(t, "many", "asks and asks"), aPlugin(t, "fine", "good"))
	for range 3 {
		for _, name := range []string{"odd", "many"} {
			if _, err := h.call(t.Context(), name+".echo", map[string]any{"text": "x"}); name == "odd" && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		h.works("fine")
	}
}

func TestLogs(t *testing.T) {
	h := newTestHost(t, nil, aPlugin(t, "loud", "good"))
	for _, what := range []string{"odd log", "flood", "log"} {
		if _, err := h.do("loud.act", what); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	h.works("loud")
	deadline := time.Now().Add(20 * time.Second)
	for {
		lines, err := h.Logs("loud", 500)
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(lines, func(l Line) bool { return l.Level == "warn" && l.Text == "a warning a=1 g.b=\uFFFD" }); i >= 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the warning is not among %d lines, the last %v", len(lines), lines[len(lines)-1])
		}
		runtime.Gosched()
	}
	if n := len(h.log.String()); n > 2<<20 {
		t.Errorf("a flood of 20 MB wrote %d bytes to the log", n)
	}
	if !strings.Contains(h.log.String(), "plugin writes too much") {
		t.Error("nobody is told that lines were lost")
	}
}

func TestPing(t *testing.T) {
	clock := clockwork.NewFakeClock()
	h := newTestHost(t, clock, aPlugin(t, "shop", "good"), aPlugin(t, "mute", "no pong"))
	h.works("shop")
	if _, err := h.call(t.Context(), "mute.echo", map[string]any{"text": "x"}); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		s := h.Status()
		if s[1].Ends == 1 {
			if !strings.Contains(s[1].Error, "it did not answer for 15s and was killed") {
				t.Errorf("%+v", s[1])
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it lives: %+v", s)
		}
		clock.Advance(pingEvery)
		for range 1000 { // the good one answers meanwhile
			runtime.Gosched()
		}
		h.works("shop")
	}
}

// After too many ends a plugin stays down until the first of them is long ago, or a person says otherwise.
func TestBreaker(t *testing.T) {
	clock := clockwork.NewFakeClock()
	p := aPlugin(t, "bad", "good")
	p.Restart = Restart{Backoff: time.Second, Crashes: 3, Within: 10 * time.Minute}
	h := newTestHost(t, clock, p)
	for range 3 {
		if _, err := h.do("bad.act", "exit"); code(err) != codeCrashed {
			t.Fatalf("%v", err)
		}
		clock.Advance(3 * time.Second)
	}
	_, err := h.do("bad.act", "x")
	if code(err) != codeDown || !strings.Contains(err.Error(), "it ended 3 times within 10m0s, the last: its process ended: exit status 3") {
		t.Fatalf("%v", err)
	}
	if s := h.Status()[0]; s.State != StateDown || s.NextTry.IsZero() {
		t.Errorf("%+v", s)
	}
	if err := h.Restart(t.Context(), "bad"); err != nil {
		t.Fatal(err)
	}
	h.works("bad")
	for range 3 {
		if _, err := h.do("bad.act", "exit"); code(err) != codeCrashed {
			t.Fatalf("%v", err)
		}
		clock.Advance(3 * time.Second)
	}
	clock.Advance(10 * time.Minute)
	h.works("bad")
}

// A program that changes is swapped: calls that run finish on the old one, and a new one that does not start changes nothing.
func TestHotSwap(t *testing.T) {
	p := aPlugin(t, "shop", "good")
	p.Dir = t.TempDir()
	file := filepath.Join(p.Dir, "program.txt")
	write := func(text string) {
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	write("1.0.0")
	p.Files = []string{"program.txt"}
	p.Command = append(p.Command, file)
	h := newTestHost(t, nil, p)
	pid := func() any {
		r, err := h.call(t.Context(), "shop.echo", map[string]any{"text": "x"})
		if err != nil {
			t.Fatal(err)
		}
		return r.Values()["pid"]
	}
	first := pid()
	held := make(chan error, 1)
	ctx, release := context.WithCancelCause(t.Context())
	go func() {
		_, err := h.call(ctx, "shop.act", map[string]any{"what": "wait"})
		held <- err
	}()
	for h.Status()[0].Calls == 0 {
		runtime.Gosched()
	}
	write("1.0.0 ") // the same version in other bytes
	deadline := time.Now().Add(20 * time.Second)
	for pid() == first {
		if time.Now().After(deadline) {
			t.Fatal("the new program is not used")
		}
	}
	second := pid()
	select {
	case err := <-held:
		t.Fatalf("the call on the old one ended: %v", err)
	default:
	}
	release(errors.New("enough"))
	if err := <-held; err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("the call on the old one: %v", err)
	}
	write("9.9.9") // not what plugin.yaml says
	for !strings.Contains(h.Status()[0].Error, "the new program is not used") {
		if pid() != second || time.Now().After(deadline) {
			t.Fatalf("%+v", h.Status()[0])
		}
	}
	if pid() != second {
		t.Error("the old one is not used any more")
	}
}

func TestChecksum(t *testing.T) {
	p := Plugin{Dir: t.TempDir(), Command: []string{"./a"}, Files: []string{"lib/*.py"}}
	for name, text := range map[string]string{"a": "1\n", "lib/b.py": "2\n", "lib/c.py": "3\n"} {
		path := filepath.Join(p.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Checksum(p)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "sha256sum a lib/b.py lib/c.py | sha256sum | cut -d' ' -f1")
	cmd.Dir = p.Dir
	want, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got != "sha256:"+strings.TrimSpace(string(want)) {
		t.Errorf("%s, and sha256sum says %s", got, want)
	}
	p.Files = nil
	one, err := Checksum(p)
	if err != nil || one != "sha256:4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865" {
		t.Errorf("one file: %s, %v", one, err)
	}
}

func TestCallingBack(t *testing.T) {
	p := aPlugin(t, "shop", "good")
	p.Rights = Rights{Actions: []string{"reply"}, Conversations: []string{"event"}, Signals: []string{"moved"}, State: true}
	none := aPlugin(t, "none", "good")
	h := newTestHost(t, nil, p, none)
	ask := func(name, what, key string) (actions.Result, error) {
		return h.call(t.Context(), name, map[string]any{"what": what, "key": key})
	}
	for range 2 {
		if _, err := ask("shop.act", "reply", ""); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ask("shop.once", "reply", ""); err != nil {
		t.Fatal(err)
	}
	h.bot.mu.Lock()
	acts := h.bot.acts
	h.bot.mu.Unlock()
	if len(acts) != 3 || acts[0].Effect != "e1/1" || acts[1].Effect != "e1/1" || !acts[0].ActsOnChat || acts[2].ActsOnChat {
		t.Errorf("%+v", acts)
	}
	if !acts[0].May(sdkconn.C2C("alice")) || acts[0].May(sdkconn.C2C("bob")) || acts[0].May(sdkconn.Group("alice")) {
		t.Error("event is another conversation")
	}
	if _, err := ask("shop.act", "set", "k"); err != nil {
		t.Fatal(err)
	}
	if r, err := ask("shop.act", "get", "k"); err != nil || r.Text != "true 1" {
		t.Errorf("%q %v", r.Text, err)
	}
	if r, err := ask("shop.act", "get", "other"); err != nil || r.Text != "false 0" {
		t.Errorf("%q %v", r.Text, err)
	}
	if _, err := ask("shop.act", "signal", "moved"); err != nil {
		t.Fatal(err)
	}
	if got := <-h.bot.heard; got != `moved{"from":"plugin"}` {
		t.Errorf("heard %s", got)
	}
	for _, c := range [][3]string{
		{"shop.act", "send", "c2c_bob"}, {"shop.act", "signal", "other"}, {"none.act", "reply", ""}, {"none.act", "set", "k"},
		{"none.act", "get", "k"}, {"none.act", "signal", "moved"},
	} {
		if _, err := ask(c[0], c[1], c[2]); code(err) != "forbidden" {
			t.Errorf("%v: %q %v", c, code(err), err)
		}
	}
	if _, err := ask("shop.act", "unwell", ""); err != nil {
		t.Fatal(err)
	}
	for s := h.Status()[0]; s.State != StateUnwell || s.Error != "the database is away"; s = h.Status()[0] {
		runtime.Gosched()
	}
}

// A plugin that does something of its own accord is started with the bot, comes back, and is asked to stop.
func TestOwnAccord(t *testing.T) {
	p := aPlugin(t, "shop", "runs")
	p.AtOnce, p.Rights.Signals = true, []string{"begun"}
	h := newTestHost(t, nil, p)
	if got := <-h.bot.heard; got != "begun" {
		t.Errorf("heard %s", got)
	}
	if _, err := h.do("shop.act", "exit"); code(err) != codeCrashed {
		t.Errorf("%v", err)
	}
	if got := <-h.bot.heard; got != "begun" {
		t.Errorf("heard %s", got)
	}
	h.Use(nil, h.bot)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "shop", "stopped")); err != nil {
		t.Errorf("it was not asked to stop: %v", err)
	}
}

const botVariable = "TIMBOT_TEST_BOT"

// beABot runs a plugin and a call that does not end, and says the plugin's process.
func beABot() {
	h, err := New(Config{Dir: os.Getenv(botVariable)})
	if err != nil {
		panic(err)
	}
	self, _ := os.Executable()
	h.Use([]Plugin{{
		Name: "shop", Program: "good", Version: "1.0.0", Dir: "/", Command: []string{self, "good"}, Actions: goodActions("shop", time.Hour),
	}}, nil)
	a, _ := h.Lookup("shop.echo")
	r, err := a.Run(context.Background(), aCall, map[string]any{"text": "x"})
	if err != nil {
		panic(err)
	}
	fmt.Println(r.Values()["pid"])
	hang()
}

// A bot that is killed takes its plugins with it.
func TestNoOrphans(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), botVariable+"="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	deadline := time.Now().Add(10 * time.Second)
	for syscall.Kill(pid, 0) == nil {
		if state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || strings.Contains(string(state), ") Z ") {
			break // nobody reaps it here
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives on", pid)
		}
		runtime.Gosched()
	}
}
