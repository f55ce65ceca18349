package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jonboulle/clockwork"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/telemetry"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "0123456789abcdef"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newTelemetry(t *testing.T, c telemetry.Config) *telemetry.Telemetry {
	t.Helper()
	c.Version = "v1"
	if c.Clock == nil {
		c.Clock = clockwork.NewRealClock()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	tel, err := telemetry.New(t.Context(), c)
	must(t, err)
	t.Cleanup(func() { must(t, tel.Close(context.Background())) })
	return tel
}

// listen starts a listener with what the test has changed of a bot that is fine.
func listen(t *testing.T, tel *telemetry.Telemetry, change func(*telemetry.ListenConfig)) string {
	t.Helper()
	c := telemetry.ListenConfig{
		Addr: "127.0.0.1:0", Telemetry: tel, Clock: clockwork.NewRealClock(), Log: slog.New(slog.DiscardHandler),
		Backlog: func(context.Context) (bot.Backlog, error) { return bot.Backlog{Queued: 3, Dead: 2}, nil },
		Ready:   func() (bool, []string) { return true, nil },
		Alive:   func() {},
		Stats:   func() bot.Stats { return bot.Stats{Unused: 5} },
		Pace:    func() bot.PaceStats { return bot.PaceStats{Waiting: 1} },
	}
	if change != nil {
		change(&c)
	}
	l, err := telemetry.Listen(c)
	must(t, err)
	t.Cleanup(func() {
		must(t, l.Close(context.Background()))
		http.DefaultClient.CloseIdleConnections()
	})
	return "http://" + l.Addr()
}

func get(t *testing.T, url, bearer string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, string(body)
}

// scrape reads the metrics as Prometheus does.
func scrape(t *testing.T, url string) map[string]*dto.MetricFamily {
	t.Helper()
	status, body := get(t, url+"/metrics", "")
	if status != http.StatusOK {
		t.Fatalf("%d: %s", status, body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	must(t, err)
	return families
}

// labels are a metric's, as name=value.
func labels(m *dto.Metric) string {
	var all []string
	for _, l := range m.GetLabel() {
		all = append(all, l.GetName()+"="+l.GetValue())
	}
	return strings.Join(all, " ")
}

func countsOf(f *dto.MetricFamily) map[string]float64 {
	out := make(map[string]float64)
	for _, m := range f.GetMetric() {
		out[labels(m)] = m.GetCounter().GetValue()
	}
	return out
}

const botRules = `
version: 1
rules:
  - id: hi
    on: message.c2c
    if: msg.text != "bad"
    do: [{ id: answer, reply: "Hello ${{ user.id }}" }]
  - id: bad
    on: message.c2c
    if: msg.text == "bad"
    do: [{ reply: { text: "" } }]
  - {id: shade, stage: guard, run: shadow, on: message, match: {any_of: [secret]}, do: [reply: hush]}
`

// talk lets alice say things to a bot that is watched, until all is handled.
func talk(t *testing.T, observer bot.Observer, says ...string) *bot.Bot {
	t.Helper()
	chat, err := local.Open(t.Context(), local.Memory, local.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, chat.Close()) })
	conn, err := chat.Login(t.Context(), "concierge")
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	alice, err := chat.Login(t.Context(), "alice")
	must(t, err)
	t.Cleanup(func() { alice.Close() })
	registry := actions.NewRegistry(actions.Builtin()...)
	set, err := rules.Load(fstest.MapFS{"bot.yaml": {Data: []byte(botRules)}}, "bot.yaml", rules.Options{Catalog: bot.Catalog(registry)})
	must(t, err)
	b, err := bot.New(conn, set, bot.WithActions(registry), bot.WithObserver(observer))
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	for _, text := range says {
		_, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("concierge"), &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: text}}})
		must(t, err)
	}
	must(t, b.Idle(ctx))
	cancel()
	running.Wait()
	return b
}

func TestMetricsOfABot(t *testing.T) {
	tel := newTelemetry(t, telemetry.Config{})
	b := talk(t, tel, "bad", "secret words")
	url := listen(t, tel, func(c *telemetry.ListenConfig) { c.Backlog, c.Stats, c.Pace = b.Backlog, b.Stats, b.PaceStats })
	families := scrape(t, url)
	for name, want := range map[string]map[string]float64{
		"timbot_steps_total":        {"action=reply code=input rule=bad": 1, "action=reply code=ok rule=hi": 1},
		"timbot_shadow_fired_total": {"rule=shade type=message.c2c": 1},
		"timbot_runs_ended_total":   {"outcome=failed rule=bad": 1, "outcome=done rule=hi": 1},
	} {
		got := countsOf(families[name])
		for l, n := range want {
			if got[l] != n {
				t.Errorf("%s{%s} is %v, want %v: %v", name, l, got[l], n, got)
			}
		}
	}
	if got := countsOf(families["timbot_events_received_total"])["caught_up=false kind=new_msg result=fresh"]; got < 2 {
		t.Errorf("%v messages received: %v", got, countsOf(families["timbot_events_received_total"]))
	}
	if got := countsOf(families["timbot_events_decided_total"]); got["result=fired type=message.c2c"] != 2 {
		t.Errorf("decided: %v", got)
	}
	for _, name := range []string{
		"timbot_queue_events", "timbot_timers", "timbot_dead_runs", "timbot_journal_size_bytes", "timbot_ready", "timbot_build_info",
		"timbot_journal_failing", "timbot_decide_duration_seconds", "timbot_step_duration_seconds", "timbot_run_duration_seconds",
		"timbot_send_wait_seconds", "timbot_events_unused_total", "timbot_sends_waiting", "timbot_sends_refused_total", "timbot_events_too_old_total", "go_goroutines", "process_resident_memory_bytes",
	} {
		if families[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	for name, f := range families {
		if strings.HasPrefix(name, "timbot_") && f.GetHelp() == "" {
			t.Errorf("%s has no help", name)
		}
		for _, m := range f.GetMetric() {
			for _, secret := range []string{"alice", "concierge", "secret", "Hello"} {
				if strings.Contains(labels(m), secret) {
					t.Errorf("%s{%s} names %s", name, labels(m), secret)
				}
			}
		}
	}
}

// However many codes, rules and types there are, the number of series is bounded.
func TestLabelsAreBounded(t *testing.T) {
	tel := newTelemetry(t, telemetry.Config{})
	for n := range 30_000 {
		tel.StepDone("r", "reply", fmt.Sprint(n), time.Millisecond)
		tel.RunEnded(fmt.Sprint("rule", n), "done", time.Second)
		tel.EventDecided(fmt.Sprint("type", n), bot.DecidedQuiet, time.Microsecond)
		tel.EventStored(fmt.Sprint("kind", n), false, true)
	}
	tel.SendPaced(time.Second)
	tel.JournalWorking(false)
	families := scrape(t, listen(t, tel, nil))
	for name, most := range map[string]int{
		"timbot_steps_total": 101, "timbot_runs_ended_total": 10_001, "timbot_events_decided_total": 1001, "timbot_events_received_total": 1001,
	} {
		f := families[name]
		if n := len(f.GetMetric()); n > most {
			t.Errorf("%s has %d series", name, n)
		}
		if !slices.ContainsFunc(f.GetMetric(), func(m *dto.Metric) bool { return strings.Contains(labels(m), "=other") }) {
			t.Errorf("%s has no other", name)
		}
	}
	if v := families["timbot_journal_failing"].GetMetric()[0].GetGauge().GetValue(); v != 1 {
		t.Error("the journal is not failing")
	}
	if n := families["timbot_send_wait_seconds"].GetMetric()[0].GetHistogram().GetSampleCount(); n != 1 {
		t.Error("no wait was counted")
	}
}

func TestHealthAndReadiness(t *testing.T) {
	stuck := make(chan struct{})
	clock := clockwork.NewFakeClock()
	var ready, dead bool
	url := listen(t, newTelemetry(t, telemetry.Config{}), func(c *telemetry.ListenConfig) {
		c.Clock = clock
		c.Ready = func() (bool, []string) { return ready, []string{"the journal fails"} }
		c.Alive = func() {
			if dead {
				<-stuck
			}
		}
		c.Backlog = func(context.Context) (bot.Backlog, error) { return bot.Backlog{}, errors.New("the journal fails") }
	})
	if status, body := get(t, url+"/readyz", ""); status != http.StatusServiceUnavailable || body != "not ready\nthe journal fails\n" {
		t.Errorf("%d %q", status, body)
	}
	ready = true
	if status, body := get(t, url+"/readyz", ""); status != http.StatusOK || body != "ready\n" {
		t.Errorf("%d %q", status, body)
	}
	if status, body := get(t, url+"/healthz", ""); status != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %q", status, body)
	}
	if families := scrape(t, url); families["timbot_dead_runs"] != nil || families["timbot_queue_events"] == nil {
		t.Error("numbers that cannot be read are not left out, or others are")
	}
	dead = true
	for range 2 {
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if status, body := get(t, url+"/healthz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "stuck") {
				t.Errorf("%d %q", status, body)
			}
		})
		must(t, clock.BlockUntilContext(t.Context(), 1))
		clock.Advance(time.Minute)
		waiting.Wait()
	}
	close(stuck)
	if status, _ := get(t, url+"/nothing", ""); status != http.StatusNotFound {
		t.Errorf("%d", status)
	}
}

func TestToken(t *testing.T) {
	tel := newTelemetry(t, telemetry.Config{})
	for addr, want := range map[string]error{
		"0.0.0.0:0": telemetry.ErrNoToken, "[::]:0": telemetry.ErrNoToken, "example.com:0": telemetry.ErrNoToken,
	} {
		if _, err := telemetry.Listen(telemetry.ListenConfig{Addr: addr, Telemetry: tel}); !errors.Is(err, want) {
			t.Errorf("%s: %v", addr, err)
		}
	}
	for _, c := range []telemetry.ListenConfig{{Addr: "9464"}, {Addr: ":0", Token: "short"}} {
		if _, err := telemetry.Listen(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	url := listen(t, tel, func(c *telemetry.ListenConfig) { c.Addr, c.Token = ":0", token })
	if !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Errorf("without a host it listens at %s", url)
	}
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		for bearer, want := range map[string]int{"": 401, "x": 401, token + "x": 401, token: 200} {
			if status, _ := get(t, url+path, bearer); status != want {
				t.Errorf("%s with %q: %d, want %d", path, bearer, status, want)
			}
		}
	}
}

// collector takes spans.
type collector struct {
	mu     sync.Mutex
	fail   []int // statuses of the next answers
	tries  int
	header http.Header
	spans  []*tracepb.Span
	server *httptest.Server
}

func newCollector(t *testing.T, fail ...int) *collector {
	c := &collector{fail: fail}
	c.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.tries++
		c.header = r.Header
		if len(c.fail) > 0 {
			w.WriteHeader(c.fail[0])
			c.fail = c.fail[1:]
			return
		}
		body, err := io.ReadAll(r.Body)
		data := new(tracepb.TracesData)
		if err == nil {
			err = proto.Unmarshal(body, data)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Method != http.MethodPost {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		for _, rs := range data.GetResourceSpans() {
			for _, ss := range rs.GetScopeSpans() {
				c.spans = append(c.spans, ss.GetSpans()...)
			}
		}
	}))
	t.Cleanup(c.server.Close)
	return c
}

func attributes(list []*commonpb.KeyValue) string {
	var all []string
	for _, kv := range list {
		all = append(all, kv.GetKey()+"="+kv.GetValue().GetStringValue())
	}
	return strings.Join(all, " ")
}

func TestSpansOfABot(t *testing.T) {
	c := newCollector(t)
	tel := newTelemetry(t, telemetry.Config{OTLP: c.server.URL, OTLPHeaders: map[string]string{"Api-Key": "k"}})
	talk(t, tel, "bad", "secret words")
	must(t, tel.Close(t.Context()))
	byID := make(map[string]*tracepb.Span)
	for _, s := range c.spans {
		byID[string(s.GetSpanId())] = s
	}
	var tree []string
	for _, s := range c.spans {
		line, failed := s.GetName(), s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR
		for p := byID[string(s.GetParentSpanId())]; p != nil; p = byID[string(p.GetParentSpanId())] {
			line = p.GetName() + " > " + line
			if s.GetStartTimeUnixNano() < p.GetStartTimeUnixNano() || s.GetEndTimeUnixNano() > p.GetEndTimeUnixNano()+uint64(time.Millisecond) {
				t.Errorf("%s is not within its parent", line)
			}
		}
		if failed {
			line += " (failed)"
		}
		if s.GetEndTimeUnixNano() < s.GetStartTimeUnixNano() {
			t.Errorf("%s ends before it begins", line)
		}
		if strings.HasPrefix(line, "message") {
			tree = append(tree, line)
		}
		for _, text := range []string{"secret", "Hello"} {
			if strings.Contains(attributes(s.GetAttributes())+s.GetStatus().GetMessage(), text) {
				t.Errorf("%s holds text: %s", line, attributes(s.GetAttributes()))
			}
		}
	}
	slices.Sort(tree)
	want := []string{
		"message.c2c", "message.c2c (failed)", "message.c2c > rule bad (failed)", "message.c2c > rule bad > reply (failed)",
		"message.c2c > rule hi", "message.c2c > rule hi > reply",
	}
	if !slices.Equal(slices.DeleteFunc(slices.Clone(tree), func(s string) bool { return !slices.Contains(want, s) }), want) {
		t.Errorf("got %q, want %q", tree, want)
	}
	if c.header.Get("Api-Key") != "k" || c.header.Get("Content-Type") != "application/x-protobuf" {
		t.Errorf("%v", c.header)
	}
}

// A collector that has no time is asked again; one that refuses is told of once, and the bot does not care.
func TestCollectorThatFails(t *testing.T) {
	clock := clockwork.NewFakeClock()
	var logged strings.Builder
	c := newCollector(t, 503, 429)
	tel := newTelemetry(t, telemetry.Config{OTLP: c.server.URL + "/v1/traces", Clock: clock, Log: slog.New(slog.NewTextHandler(&logged, nil))})
	tel.EventDone(&bot.Handled{Event: "e", Began: clock.Now(), Ended: clock.Now()})
	var closing sync.WaitGroup
	closing.Go(func() {
		if err := tel.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	for range 2 {
		must(t, clock.BlockUntilContext(t.Context(), 1))
		clock.Advance(time.Minute)
	}
	closing.Wait()
	if len(c.spans) != 1 || c.tries != 3 || logged.Len() > 0 {
		t.Errorf("%d spans after %d tries; %s", len(c.spans), c.tries, logged.String())
	}

	c = newCollector(t, 400)
	tel = newTelemetry(t, telemetry.Config{OTLP: c.server.URL, Clock: clock, Log: slog.New(slog.NewTextHandler(&logged, nil))})
	tel.EventDone(&bot.Handled{Event: "e", Began: clock.Now(), Ended: clock.Now()})
	must(t, tel.Close(t.Context()))
	if c.tries != 1 || !strings.Contains(logged.String(), "the collector answered 400") {
		t.Errorf("%d tries; %s", c.tries, logged.String())
	}
	for _, bad := range []string{"localhost:4318", "ftp://x", "http://"} {
		if _, err := telemetry.New(t.Context(), telemetry.Config{OTLP: bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
