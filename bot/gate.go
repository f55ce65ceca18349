package bot

import (
	"github.com/timbot-go/timbot/rules"
)

// gate answers Facts.Gate for one event, and keeps its answers for the trace.
type gate struct {
	b      *Bot
	ev     *rules.Event
	talks  bool                  // a rule with a session has fired on this event
	closed map[string]gateRecord // by rule
}

// ask says whether a rule that matched may fire.
func (g *gate) ask(f rules.Fired) rules.Gate {
	if why := g.b.sessionGate(g.ev, f.Rule, g.talks); why != "" {
		return g.keep(f.Rule, rules.Gate{Closed: true, Why: why})
	}
	if f.Rule.Session != nil {
		g.talks = true
	}
	return rules.Gate{}
}

// keep notes an answer for the trace.
func (g *gate) keep(rule *rules.Rule, answer rules.Gate) rules.Gate {
	if g.closed == nil {
		g.closed = make(map[string]gateRecord)
	}
	g.closed[rule.ID] = gateRecord{answer.Closed, answer.Why}
	return answer
}
