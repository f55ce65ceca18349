package bot

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// verb is what a person tells the bot about what waits.
type verb int

const (
	verbNone verb = iota
	verbApprove
	verbRefuse
	verbResume
)

// wordForm is such a word, in the compatibility form of Unicode, in which full-width digits and signs are plain ones.
var wordForm = regexp.MustCompile(`^(?:@\S+\s+)*(同意|approve|拒绝|reject|恢复|resume)\s*#?\s*([0-9]{1,6})?[\s.。!]*$`)

var verbs = map[string]verb{
	"同意": verbApprove, "approve": verbApprove, "拒绝": verbRefuse, "reject": verbRefuse,
	"恢复": verbResume, "resume": verbResume,
}

// parseWord reads a word and its number, 0 for none.
func parseWord(text string) (verb, int) {
	m := wordForm.FindStringSubmatch(strings.ToLower(strings.TrimSpace(norm.NFKC.String(text))))
	if m == nil {
		return verbNone, 0
	}
	number, _ := strconv.Atoi(m[2])
	return verbs[m[1]], number
}

// hearWord says what a message means to handoffs and approvals; ok is false when it means nothing.
func (b *Bot) hearWord(ev *rules.Event, trace *traceRecord, now time.Time) (h heard, ok bool) {
	if len(ev.Source.Message.Text()) > 200 {
		return heard{}, false
	}
	switch verb, number := parseWord(ev.Source.Message.Text()); verb {
	case verbApprove, verbRefuse:
		return b.hearDecision(ev, verb, number, trace, now)
	case verbResume:
		return b.hearResume(ev, number, trace, now)
	}
	return heard{}, false
}

func (b *Bot) hearDecision(ev *rules.Event, verb verb, number int, trace *traceRecord, now time.Time) (heard, bool) {
	conv := ev.Source.Conversation()
	if conv.Type != sdkconn.ConvGroup {
		return heard{}, false
	}
	open := b.people.openApprovals(conv.ID)
	i := chosen(len(open), func(i int) int { return open[i].Number }, number, "approvals", trace, now)
	if i < 0 {
		return heard{}, false
	}
	a, end := open[i], endRefused
	if verb == verbApprove {
		end = endApproved
	}
	if !slices.Contains(a.By, ev.User) {
		trace.note(now, "%s may not decide about approval #%d", ev.User, a.Number)
		return heard{}, false
	}
	return heard{fmt.Sprintf("answer to approval #%d of %s", a.Number, a.Rule), func(change *journal.Change) (wakeUp, bool, error) {
		a, w, ok, err := b.people.decide(a.Number, end, ev.User)
		if err != nil || !ok {
			return wakeUp{}, false, err
		}
		change.State = append(change.State, w)
		return wakeUp{a.Conversation, a.Run}, true, nil
	}}, true
}

// hearResume takes the word of everybody in the ops group, and of an admin who writes to the bot alone.
func (b *Bot) hearResume(ev *rules.Event, number int, trace *traceRecord, now time.Time) (heard, bool) {
	open := b.people.openHandoffs()
	if len(open) == 0 {
		return heard{}, false
	}
	conv := ev.Source.Conversation()
	ops := conv.Type == sdkconn.ConvGroup && conv.ID == b.rules().Bot.OpsGroup
	if !ops && (conv.Type != sdkconn.ConvC2C || !slices.Contains(b.rules().Bot.Admins, ev.User)) {
		trace.note(now, "%s may not give a conversation back here", ev.User)
		return heard{}, false
	}
	i := chosen(len(open), func(i int) int { return open[i].Number }, number, "handoffs", trace, now)
	if i < 0 {
		return heard{}, false
	}
	h := open[i]
	return heard{fmt.Sprintf("answer to handoff #%d of %s", h.Number, h.Rule), func(change *journal.Change) (wakeUp, bool, error) {
		h, w, ok, err := b.people.resume(h.Conversation, ev.User)
		if err != nil || !ok {
			return wakeUp{}, false, err
		}
		change.State = append(change.State, w)
		return wakeUp{h.Conversation, h.Run}, true, nil
	}}, true
}

// chosen is the place of the open one that a word means: that with the number, or the only one; -1 for none.
func chosen(n int, numberOf func(int) int, number int, what string, trace *traceRecord, now time.Time) int {
	switch {
	case n == 0:
	case number == 0 && n == 1:
		return 0
	case number == 0:
		trace.note(now, "%d %s are open: the word needs a number", n, what)
	default:
		for i := range n {
			if numberOf(i) == number {
				return i
			}
		}
		trace.note(now, "#%d is none of the open %s", number, what)
	}
	return -1
}
