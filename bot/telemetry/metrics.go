package telemetry

import (
	"context"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/timbot-go/timbot/bot"
)

// The bounds of the labels. A bot's files hold as many rules as people write; what changes with the rules over months is
// bounded all the same.
const (
	maxRules = 10_000
	maxNames = 1_000 // event types, actions, outcomes
	maxCodes = 100
)

// metrics counts what an observer is told.
type metrics struct {
	registry *prometheus.Registry

	rules, types, actions, codes *bounded

	received    *prometheus.CounterVec
	decided     *prometheus.CounterVec
	decideTook  prometheus.Histogram
	givenUp     prometheus.Counter
	shadow      *prometheus.CounterVec
	steps       *prometheus.CounterVec
	stepTook    *prometheus.HistogramVec
	runs        *prometheus.CounterVec
	runTook     *prometheus.HistogramVec
	webhooks    *prometheus.CounterVec
	paced       prometheus.Histogram
	journalDown atomic.Bool

	pluginCalls *prometheus.CounterVec
	pluginTook  *prometheus.HistogramVec
	pluginEnds  *prometheus.CounterVec
}

func newMetrics(version string) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		rules:    newBounded(maxRules), types: newBounded(maxNames), actions: newBounded(maxNames), codes: newBounded(maxCodes),
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
		m.registry.MustRegister(h)
		return h
	}
	m.received = counter("timbot_events_received_total",
		"Events that the connection handed over. result is fresh, or seen for one that was stored before.",
		"kind", "caught_up", "result")
	m.decided = counter("timbot_events_decided_total",
		"Events that the rules decided about. result is fired, quiet, or taken by a dialogue or a person.", "type", "result")
	m.shadow = counter("timbot_shadow_fired_total", "Events that a shadow rule would have fired on.", "rule", "type")
	m.decideTook = histogram("timbot_decide_duration_seconds", "Time from taking an event up to its decision.",
		[]float64{10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 5e-3, 25e-3, 100e-3, 500e-3, 2}).WithLabelValues().(prometheus.Histogram)
	m.givenUp = counter("timbot_events_given_up_total",
		"Events and runs that were given up after a panic, or because they could not be read.").WithLabelValues()
	m.steps = counter("timbot_steps_total", "Attempts of steps. code is ok, or that of the failure.", "rule", "action", "code")
	m.stepTook = histogram("timbot_step_duration_seconds", "Time of one attempt of a step.",
		[]float64{1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5, 5, 10, 30}, "action")
	m.runs = counter("timbot_runs_ended_total", "Runs of rules that ended.", "rule", "outcome")
	m.runTook = histogram("timbot_run_duration_seconds", "Time of a run, what it waited included.",
		[]float64{1e-3, 5e-3, 25e-3, 100e-3, 500e-3, 1, 5, 30, 60, 300, 1800, 7200, 86400}, "outcome")
	m.webhooks = counter("timbot_webhook_calls_total", "Calls of webhooks: accepted, again (dropped), or why refused.", "path", "result")
	m.paced = histogram("timbot_send_wait_seconds", "Time that a message had to wait to keep the service's limits.",
		[]float64{10e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5, 5, 10, 30, 60}).WithLabelValues().(prometheus.Histogram)
	m.pluginCalls = counter("timbot_plugin_calls_total", "Calls of plugins. code is ok, or what went wrong.", "plugin", "action", "code")
	m.pluginTook = histogram("timbot_plugin_call_duration_seconds", "Time of a call of a plugin, what it waited for room included.",
		[]float64{100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 100e-3, 500e-3, 1, 5, 30}, "plugin", "action")
	m.pluginEnds = counter("timbot_plugin_ends_total", "Times that a plugin ended by itself, or was killed because it misbehaved.", "plugin")
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "timbot_build_info", Help: "Always 1.",
			ConstLabels: prometheus.Labels{"version": version, "go_version": runtime.Version()},
		}, func() float64 { return 1 }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "timbot_journal_failing", Help: "1 while the journal cannot be read or written.",
		}, func() float64 {
			if m.journalDown.Load() {
				return 1
			}
			return 0
		}))
	return m
}

// EventStored implements bot.Observer.
func (m *metrics) EventStored(kind string, caughtUp, fresh bool) {
	result := "seen"
	if fresh {
		result = "fresh"
	}
	m.received.WithLabelValues(m.types.label(kind), strconv.FormatBool(caughtUp), result).Inc()
}

// EventDecided implements bot.Observer.
func (m *metrics) EventDecided(typ string, result bot.Decided, took time.Duration) {
	m.decided.WithLabelValues(m.types.label(typ), string(result)).Inc()
	m.decideTook.Observe(took.Seconds())
}

// WouldFire implements bot.ShadowObserver.
func (m *metrics) WouldFire(rule, typ string) {
	m.shadow.WithLabelValues(m.rules.label(rule), m.types.label(typ)).Inc()
}

// EventGivenUp implements bot.Observer.
func (m *metrics) EventGivenUp() { m.givenUp.Inc() }

// StepDone implements bot.Observer.
func (m *metrics) StepDone(rule, action, code string, took time.Duration) {
	if code == "" {
		code = "ok"
	}
	action = m.actions.label(action)
	m.steps.WithLabelValues(m.rules.label(rule), action, m.codes.label(code)).Inc()
	m.stepTook.WithLabelValues(action).Observe(took.Seconds())
}

// RunEnded implements bot.Observer.
func (m *metrics) RunEnded(rule, outcome string, took time.Duration) {
	outcome = m.types.label(outcome)
	m.runs.WithLabelValues(m.rules.label(rule), outcome).Inc()
	m.runTook.WithLabelValues(outcome).Observe(took.Seconds())
}

// SendPaced implements bot.Observer.
func (m *metrics) SendPaced(waited time.Duration) { m.paced.Observe(waited.Seconds()) }

// PluginCalled implements host.Observer.
func (m *metrics) PluginCalled(plugin, action, code string, took time.Duration) {
	if code == "" {
		code = "ok"
	}
	plugin, action = m.actions.label(plugin), m.actions.label(action)
	m.pluginCalls.WithLabelValues(plugin, action, code).Inc()
	m.pluginTook.WithLabelValues(plugin, action).Observe(took.Seconds())
}

// PluginEnded implements host.Observer.
func (m *metrics) PluginEnded(plugin string) {
	m.pluginEnds.WithLabelValues(m.actions.label(plugin)).Inc()
}

// WebhookCalled implements bot.Observer.
func (m *metrics) WebhookCalled(path, result string) {
	m.webhooks.WithLabelValues(m.types.label(path), result).Inc()
}

// JournalWorking implements bot.Observer.
func (m *metrics) JournalWorking(ok bool) { m.journalDown.Store(!ok) }

// BacklogFunc reads how much a bot has to do, as bot.Bot.Backlog does.
type BacklogFunc func(ctx context.Context) (bot.Backlog, error)

// counters are the numbers that a bot keeps itself and that need no journal.
func counters(stats func() bot.Stats, pace func() bot.PaceStats) []prometheus.Collector {
	all := []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "timbot_sends_waiting", Help: "Messages that wait to keep the service's limits.",
		}, func() float64 { return float64(pace().Waiting) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "timbot_sends_refused_total", Help: "Times that the service said there were too many messages.",
		}, func() float64 { return float64(pace().Refused) }),
	}
	for _, x := range []struct {
		name, help string
		of         func(bot.Stats) uint64
	}{
		{"timbot_events_unused_total", "Events of a kind that no rule listens to, which are not stored.",
			func(s bot.Stats) uint64 { return s.Unused }},
		{"timbot_events_too_old_total", "Events of the time the bot was away that bot.catch_up leaves out.",
			func(s bot.Stats) uint64 { return s.TooOld }},
	} {
		all = append(all, prometheus.NewCounterFunc(prometheus.CounterOpts{Name: x.name, Help: x.help}, func() float64 {
			return float64(x.of(stats()))
		}))
	}
	return all
}

// gauges reads a bot's numbers at each scrape.
type gauges struct {
	backlog BacklogFunc
	all     []gauge
}

type gauge struct {
	desc    *prometheus.Desc
	of      func(bot.Backlog) int64
	journal bool // not known while the journal fails
}

func newGauges(backlog BacklogFunc) *gauges {
	g := &gauges{backlog: backlog}
	for _, x := range []struct {
		name, help string
		of         func(bot.Backlog) int64
		journal    bool
	}{
		{"timbot_queue_events", "Events that wait for a worker.", func(s bot.Backlog) int64 { return int64(s.Queued) }, false},
		{"timbot_queue_limit_events", "How many may wait before the connection is held back.",
			func(s bot.Backlog) int64 { return int64(s.QueueLimit) }, false},
		{"timbot_busy_conversations", "Conversations with something to do.",
			func(s bot.Backlog) int64 { return int64(s.Busy) }, false},
		{"timbot_timers", "Timers of runs that wait.", func(s bot.Backlog) int64 { return int64(s.Timers) }, false},
		{"timbot_dead_runs", "Runs that stand still until a person decides.",
			func(s bot.Backlog) int64 { return int64(s.Dead) }, true},
		{"timbot_open_runs", "Runs that have begun and not ended.",
			func(s bot.Backlog) int64 { return int64(s.Journal.Runs) }, true},
		{"timbot_journal_events", "Events that the journal keeps.",
			func(s bot.Backlog) int64 { return int64(s.Journal.Events) }, true},
		{"timbot_journal_pending_events", "Events that are not done.",
			func(s bot.Backlog) int64 { return int64(s.Journal.Pending) }, true},
		{"timbot_journal_size_bytes", "What the journal takes on disk or in memory.",
			func(s bot.Backlog) int64 { return s.Journal.Bytes }, true},
	} {
		g.all = append(g.all, gauge{prometheus.NewDesc(x.name, x.help, nil, nil), x.of, x.journal})
	}
	return g
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(to chan<- *prometheus.Desc) {
	for _, x := range g.all {
		to <- x.desc
	}
}

// Collect implements prometheus.Collector. Numbers that cannot be read are left out.
func (g *gauges) Collect(to chan<- prometheus.Metric) {
	s, err := g.backlog(context.Background()) // which bounds its time itself
	for _, x := range g.all {
		if x.journal && err != nil {
			continue
		}
		to <- prometheus.MustNewConstMetric(x.desc, prometheus.GaugeValue, float64(x.of(s)))
	}
}
