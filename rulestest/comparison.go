package rulestest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/timbot-go/timbot/bot"
)

// Comparison is what two sets of rules made of the same traffic.
type Comparison struct {
	Old       string    `json:"old"`            // the hash of the old set
	New       string    `json:"new"`            // of the new one
	From      time.Time `json:"from,omitzero"`  // of the first event that counts
	Until     time.Time `json:"until,omitzero"` // of the last
	Events    int       `json:"events"`         // that count
	Unchanged int       `json:"unchanged"`      // events that lead to the same

	Counts  map[Difference]int `json:"counts"`           // events of each kind of difference; each has one
	Changes []Change           `json:"changes,omitzero"` // in the order of the traffic
	Rules   []RuleChange       `json:"rules,omitzero"`   // those that fire otherwise, by id

	// Drifted is how many of the events, of those whose decision the record tells, fire other rules under the old set than
	// they did then: the rules were others, or what had been before the record counted.
	Drifted int `json:"drifted,omitzero"`

	// Unknown is how often an action of the world outside had no recorded answer, under both sets.
	Unknown map[string]int `json:"unknown,omitzero"`

	// Untold is how many events neither set was shown: signals of the rules' own, and what no rule listens to.
	Untold int `json:"untold,omitzero"`
}

// Difference is a kind of difference.
type Difference string

// The kinds, the heaviest first: of several that an event has the first counts.
const (
	DiffRevoked   Difference = "newly_revoked"     // a message is revoked that was not
	DiffKept      Difference = "no_longer_revoked" // a message is not revoked that was
	DiffNew       Difference = "newly_fires"       // a rule fires that did not
	DiffGone      Difference = "no_longer_fires"   // a rule does not fire that did
	DiffText      Difference = "text"              // something else is said
	DiffOrder     Difference = "order"             // the same is done in another order
	DiffOtherwise Difference = "otherwise"         // something else is done
	diffNone      Difference = ""
)

// Differences are all of them, in their order.
var Differences = []Difference{DiffRevoked, DiffKept, DiffNew, DiffGone, DiffText, DiffOrder, DiffOtherwise}

// diffWords say what a kind counts.
var diffWords = map[Difference]string{
	DiffRevoked: "newly revoked", DiffKept: "no longer revoked", DiffNew: "newly answered by a rule",
	DiffGone: "no longer answered by a rule", DiffText: "answered in other words", DiffOrder: "answered in another order",
	DiffOtherwise: "treated otherwise",
}

// Words say for people what the kind counts.
func (k Difference) Words() string { return diffWords[k] }

// Change is an event that leads to something else.
type Change struct {
	Event bot.StoryEvent `json:"event"`
	Kind  Difference     `json:"kind"`
	Came  []string       `json:"came,omitzero"`  // rules that fire and did not
	Gone  []string       `json:"gone,omitzero"`  // rules that fired and do not
	Hits  []string       `json:"hits,omitzero"`  // words that the rules of Came found
	Lines []ChangeLine   `json:"lines,omitzero"` // what is done, old and new
}

// ChangeLine is one thing that is done under the old set ("-"), under the new one ("+"), or under both (" ").
type ChangeLine struct {
	Sign string `json:"sign"`
	Text string `json:"text"`
}

// RuleChange is a rule that fires otherwise.
type RuleChange struct {
	Rule      string `json:"rule"`
	Before    int    `json:"before"`              // events that it fired on under the old set
	After     int    `json:"after"`               // and under the new one
	New       int    `json:"new,omitzero"`        // events that it fires on and did not
	Gone      int    `json:"gone,omitzero"`       // events that it fired on and does not
	WasShadow int    `json:"was_shadow,omitzero"` // events that it would have fired on, being a shadow rule, under the old set
	IsShadow  int    `json:"is_shadow,omitzero"`  // and under the new one
}

// Newly is how many events a rule newly fires on, those that are newly revoked among them.
func (c *Comparison) Newly() int {
	n := 0
	for i := range c.Changes {
		if len(c.Changes[i].Came) > 0 {
			n++
		}
	}
	return n
}

func (r *Replay) compare(before, after *played) (*Comparison, error) {
	c := &Comparison{
		Old: r.Old.Hash(), New: r.New.Hash(), Counts: make(map[Difference]int), Unknown: make(map[string]int),
	}
	perRule := make(map[string]*RuleChange)
	none := &effects{}
	for _, t := range r.Traffic {
		at := whenOf(t)
		if at.Before(r.Since) {
			continue
		}
		if !before.told[t.Key] && !after.told[t.Key] {
			c.Untold++
			continue
		}
		if c.Events == 0 {
			c.From = at
		}
		c.Events++
		c.Until = at
		was, is := before.events[t.Key], after.events[t.Key]
		if was == nil {
			was = none
		}
		if is == nil {
			is = none
		}
		if !t.Decided.IsZero() && !sameSet(before.ran[t.Key], t.Fired) {
			c.Drifted++
		}
		count(perRule, was, is)
		change := differ(was, is)
		if change.Kind == diffNone {
			c.Unchanged++
			continue
		}
		var err error
		if change.Event, err = t.Summary(); err != nil {
			return nil, err
		}
		c.Counts[change.Kind]++
		c.Changes = append(c.Changes, change)
	}
	for _, id := range sortedKeys(perRule) {
		if rc := perRule[id]; rc.New+rc.Gone > 0 || rc.WasShadow != rc.IsShadow {
			c.Rules = append(c.Rules, *rc)
		}
	}
	for _, p := range []*played{before, after} {
		for action, n := range p.unknown {
			c.Unknown[action] += n
		}
	}
	return c, nil
}

// count adds an event to the rules that fire on it.
func count(perRule map[string]*RuleChange, was, is *effects) {
	of := func(id string) *RuleChange {
		if perRule[id] == nil {
			perRule[id] = &RuleChange{Rule: id}
		}
		return perRule[id]
	}
	for _, id := range unique(was.fired) {
		of(id).Before++
		if !slices.Contains(is.fired, id) {
			of(id).Gone++
		}
	}
	for _, id := range unique(is.fired) {
		of(id).After++
		if !slices.Contains(was.fired, id) {
			of(id).New++
		}
	}
	for _, id := range unique(was.shadow) {
		of(id).WasShadow++
	}
	for _, id := range unique(is.shadow) {
		of(id).IsShadow++
	}
}

// differ tells how an event is treated otherwise.
func differ(was, is *effects) Change {
	ch := Change{Came: minus(is.fired, was.fired), Gone: minus(was.fired, is.fired)}
	for _, id := range ch.Came {
		ch.Hits = append(ch.Hits, is.words[id]...)
	}
	ch.Hits = unique(ch.Hits)
	old, now := does(was), does(is)
	revoked, revokes := slices.ContainsFunc(was.acts, revoking), slices.ContainsFunc(is.acts, revoking)
	switch {
	case revokes && !revoked:
		ch.Kind = DiffRevoked
	case revoked && !revokes:
		ch.Kind = DiffKept
	case len(ch.Came) > 0:
		ch.Kind = DiffNew
	case len(ch.Gone) > 0:
		ch.Kind = DiffGone
	case slices.Equal(old, now):
		return ch
	case slices.Equal(slices.Sorted(slices.Values(old)), slices.Sorted(slices.Values(now))):
		ch.Kind = DiffOrder
	case slices.Equal(wordless(was), wordless(is)):
		ch.Kind = DiffText
	default:
		ch.Kind = DiffOtherwise
	}
	ch.Lines = changed(was, is)
	return ch
}

func revoking(a *Act) bool { return a.Action == "revoke" && a.Err == "" }

// does is everything that is done, so that the same is equal.
func does(e *effects) []string { return each(e.acts, func(a *Act) string { return identity(a, true) }) }

// wordless is does without what is said.
func wordless(e *effects) []string {
	return each(e.acts, func(a *Act) string { return identity(a, false) })
}

func each(acts []*Act, f func(*Act) string) []string {
	out := make([]string, len(acts))
	for i, a := range acts {
		out[i] = f(a)
	}
	return out
}

// saying are the fields that hold what people read.
var saying = []string{"text", "markdown", "reason", "elements"}

func identity(a *Act, words bool) string {
	var b strings.Builder
	b.WriteString(a.Action + " " + a.Rule)
	for _, name := range sortedKeys(a.Fields) {
		if words || !slices.Contains(saying, name) {
			fmt.Fprintf(&b, " %s=%s", name, show(a.Fields[name]))
		}
	}
	return b.String()
}

// changed puts what is done side by side.
func changed(was, is *effects) []ChangeLine {
	var out []ChangeLine
	old, now := does(was), does(is)
	line := func(sign string, a *Act) {
		text := a.describe(nil, nil)
		if a.Rule != "" {
			text = a.Rule + ": " + text
		}
		out = append(out, ChangeLine{sign, text})
	}
	i := 0
	var came []*Act // since the last that both do; told after what went
	upTo := func(k int) {
		for ; i < k; i++ {
			line("-", was.acts[i])
		}
		for _, a := range came {
			line("+", a)
		}
		came = nil
	}
	for j, a := range is.acts {
		k := slices.Index(old[i:], now[j])
		if k < 0 {
			came = append(came, a)
			continue
		}
		upTo(i + k)
		line(" ", a)
		i++
	}
	upTo(len(old))
	return out
}

// minus is what of list is not in other, each once.
func minus(list, other []string) []string {
	return slices.DeleteFunc(unique(list), func(s string) bool { return slices.Contains(other, s) })
}

// unique is list with each of its entries once, in their order.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func sameSet(a, b []string) bool {
	return maps.Equal(setOf(a), setOf(b))
}

func setOf(list []string) map[string]bool {
	out := make(map[string]bool, len(list))
	for _, s := range list {
		out[s] = true
	}
	return out
}
