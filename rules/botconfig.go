package rules

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

// BotConfig is the bot section of the bot's file. In a file that has none, CatchUp and Keep have their defaults and all
// else is zero.
type BotConfig struct {
	Connection string // URL, with its secrets in place: not to be logged
	Admins     []string
	OpsGroup   string
	Name       string
	CatchUp    CatchUp
	Keep       Keep
	Pace       Pace
	HTTP       HTTP
	Language   string // of the bot's own texts: "zh" or "en"; empty: "zh"
	Webhooks   WebhookConfig
	Reload     Reload
	Pos        Pos

	ConnectionPos Pos // of Connection, to point at a URL that cannot be opened
}

// CatchUp says what becomes of events of the time the bot was down (`catch_up`).
type CatchUp struct {
	MaxAge time.Duration // older events are left out; 24h unless given, 0: no catching up
	Stages []Stage       // the stages whose rules are tried on them; all unless given
}

// Keep says how long the journal keeps what is done (`keep`).
type Keep struct {
	Events time.Duration // done events; 14 days unless given, or what is longer, CatchUp.MaxAge and a day
	Traces time.Duration // traces; as long as events unless given, and never longer
	Dead   time.Duration // dead letters; 30 days unless given
	Size   int64         // bytes of the journal; 2 GiB unless given, 0: no bound
}

// Pace bounds what the bot sends (`pace`). Zero is the bound that the service publishes.
type Pace struct {
	Total Rate // over the connection
	Chat  Rate // to one conversation
}

// HTTP says which web servers http steps may ask (`http`). The zero value allows none.
type HTTP struct {
	Allow   []string // hosts, *.domains, either with a port
	Private bool     // their addresses may be of this machine or a private network
}

// Reload says when a running bot goes on by changed files (`reload`).
type Reload struct {
	Tests TestMode // off unless given
}

// TestMode says what the bot's tests have to do with a reload.
type TestMode int

// The modes, the strictest last.
const (
	TestsOff     TestMode = iota // they are not run
	TestsWarn                    // failing ones are reported, and the bot goes on by the changed files
	TestsRequire                 // failing ones keep the bot on the rules that it has
)

var testModeNames = []string{"off", "warn", "require"}

// maxPace bounds Pace: more is no bound.
const maxPace = 100_000

// aDay is how much longer than CatchUp.MaxAge events are kept: an event that is told again must still be known.
const aDay = 24 * time.Hour

func defaultBot() BotConfig {
	return BotConfig{
		CatchUp: CatchUp{MaxAge: aDay},
		Keep:    Keep{Events: 14 * aDay, Traces: 14 * aDay, Dead: 30 * aDay, Size: 2 << 30},
	}
}

var botKeys = []string{"connection", "admins", "ops_group", "name", "catch_up", "keep", "pace", "http", "webhooks", "language", "help", "reload"}

func (l *loader) resolveBot(set *Set) {
	if l.bot == nil {
		return
	}
	r := &reader{l: l, d: l.botDoc}
	entries, ok := r.mapping(l.bot, "bot")
	if !ok {
		return
	}
	b := &set.Bot
	b.Pos = r.pos(resolve(l.bot))
	var keep *yaml.Node
	for _, e := range entries {
		switch e.name {
		case "connection":
			b.Connection = l.connection(r, e.value)
			b.ConnectionPos = r.pos(e.value)
		case "admins":
			items, _ := r.sequence(e.value, "admins")
			for _, item := range items {
				if s, ok := r.str(item, "admins"); ok {
					b.Admins = append(b.Admins, s)
				}
			}
		case "ops_group":
			b.OpsGroup, _ = r.str(e.value, "ops_group")
		case "name":
			b.Name, _ = r.str(e.value, "name")
		case "catch_up":
			r.catchUp(e.value, &b.CatchUp)
		case "keep":
			keep = e.value
		case "pace":
			r.pace(e.value, &b.Pace)
		case "http":
			r.http(e.value, &b.HTTP)
		case "language":
			b.Language, _ = r.enum(e.value, "language", languageNames...)
		case "help":
			l.help = e.value
		case "webhooks":
			l.webhooksConfig(r, e.value, &b.Webhooks)
		case "reload":
			r.reload(e.value, &b.Reload)
		default:
			r.unknown(e, botKeys)
		}
	}
	r.keep(keep, b)
	if !slices.ContainsFunc(entries, func(e entry) bool { return e.name == "connection" }) {
		r.errorf(resolve(l.bot), "bot needs connection, for instance `connection: local:./chat.db?user=me`")
	}
}

// connection reads the connection's URL, where secrets may stand.
func (l *loader) connection(r *reader, n *yaml.Node) string {
	n = resolve(n)
	if !isString(n) || n.Value == "" {
		r.notString(n, "connection")
		return ""
	}
	p := &place{r: r, level: levelLoad, lists: l.lists, vars: l.vars, calendars: l.calendars, secrets: true}
	parts, ok := p.template(n)
	if !ok {
		return ""
	}
	out, err := join(parts, map[string]any{"secrets": l.secrets})
	if err != nil {
		r.errorf(n, "connection cannot be evaluated") // without the reason, which may repeat a secret
		return ""
	}
	s, ok := out.(string)
	if !ok {
		r.errorf(n, "connection must be a text")
	}
	return s
}

func (r *reader) catchUp(n *yaml.Node, c *CatchUp) {
	entries, _ := r.mapping(n, "catch_up")
	for _, e := range entries {
		switch e.name {
		case "max_age":
			if d, ok := r.duration(e.value, "max_age"); ok {
				c.MaxAge = d
			}
		case "stages":
			items, ok := r.sequence(e.value, "stages")
			if ok && len(items) == 0 {
				r.errorf(resolve(e.value), "stages is empty: to catch up on nothing write `max_age: 0s`")
			}
			for _, item := range items {
				word, ok := r.enum(item, "stages", stageNames...)
				if stage := Stage(slices.Index(stageNames, word)); ok && !slices.Contains(c.Stages, stage) {
					c.Stages = append(c.Stages, stage)
				}
			}
		default:
			r.unknown(e, []string{"max_age", "stages"})
		}
	}
}

// keep reads keep, after catch_up.
func (r *reader) keep(n *yaml.Node, b *BotConfig) {
	k := &b.Keep
	least := b.CatchUp.MaxAge + aDay
	k.Events = max(k.Events, least)
	k.Traces = k.Events
	if n == nil {
		return
	}
	var events, traces *yaml.Node
	entries, _ := r.mapping(n, "keep")
	for _, e := range entries {
		var to *time.Duration
		switch e.name {
		case "events":
			to, events = &k.Events, resolve(e.value)
		case "traces":
			to, traces = &k.Traces, resolve(e.value)
		case "dead":
			to = &k.Dead
		case "size":
			if size, ok := r.size(e.value, "size"); ok {
				k.Size = size
			}
			continue
		default:
			r.unknown(e, []string{"events", "traces", "dead", "size"})
			continue
		}
		if d, ok := r.duration(e.value, e.name); ok {
			*to = d
		}
	}
	if events != nil && k.Events < least {
		r.errorf(events, "events must be kept at least %s: catch_up.max_age (%s) and a day, so that none is answered twice",
			spell(least), spell(b.CatchUp.MaxAge))
		return
	}
	switch {
	case traces == nil:
		k.Traces = k.Events
	case k.Traces > k.Events:
		r.errorf(traces, "traces are about events: they cannot be kept longer (%s)", spell(k.Events))
	}
}

// spell writes a duration as a file would have it.
func spell(d time.Duration) string {
	switch {
	case d > 0 && d%aDay == 0:
		return fmt.Sprintf("%dd", d/aDay)
	case d > 0 && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d > 0 && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

func (r *reader) pace(n *yaml.Node, p *Pace) {
	entries, _ := r.mapping(n, "pace")
	for _, e := range entries {
		switch e.name {
		case "total":
			p.Total, _ = r.rate(e.value, "total", maxPace)
		case "chat":
			p.Chat, _ = r.rate(e.value, "chat", maxPace)
		default:
			r.unknown(e, []string{"total", "chat"})
		}
	}
}

func (r *reader) reload(n *yaml.Node, to *Reload) {
	entries, _ := r.mapping(n, "reload")
	for _, e := range entries {
		if e.name != "tests" {
			r.unknown(e, []string{"tests"})
			continue
		}
		word, _ := r.enum(e.value, "tests", testModeNames...)
		to.Tests = TestMode(max(0, slices.Index(testModeNames, word)))
	}
}

// hostForm is a host in bot.http.allow: a name or an address, or *. and a domain, and perhaps a port.
var hostForm = regexp.MustCompile(`^((\*\.)?[\p{L}\p{N}_-]+(\.[\p{L}\p{N}_-]+)*|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?$`)

func (r *reader) http(n *yaml.Node, h *HTTP) {
	entries, _ := r.mapping(n, "http")
	for _, e := range entries {
		switch e.name {
		case "allow":
			items, _ := r.sequence(e.value, "allow")
			for _, item := range items {
				host, ok := r.str(item, "allow")
				if ok && !hostForm.MatchString(host) {
					r.errorf(item, "%q is no host: write for instance api.example.com, *.example.com or api.example.com:8443", host)
					continue
				}
				h.Allow = append(h.Allow, host)
			}
		case "private":
			h.Private = r.boolean(e.value, "private")
		default:
			r.unknown(e, []string{"allow", "private"})
		}
	}
}
