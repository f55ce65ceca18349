package bot

import (
	"fmt"
	"strings"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// slotRecord is a slot of a rule's schedule as the journal keeps it, in its event.
type slotRecord struct {
	Rule   string `json:"rule"`
	At     int64  `json:"at"`          // Unix seconds
	Zone   string `json:"tz,omitzero"` // of the schedule; "" for the bot's
	Offset int    `json:"offset"`      // of the schedule's zone then, in seconds east of UTC
	Missed bool   `json:"missed,omitzero"`
	Manual bool   `json:"manual,omitzero"`

	// Skipped is why the slot does not run, and Slots how many it stands for: itself and those before it.
	Skipped string `json:"skipped,omitzero"`
	Slots   int    `json:"slots,omitzero"`
}

// queueSlots begins the name of the queue of a rule's slots, which are handled in their order.
const queueSlots = "schedule/"

// slotKey is the key of a slot's event: it comes to be once, whatever crashes.
func slotKey(rule string, at time.Time) string {
	return fmt.Sprintf("%010d.%s.%s", at.Unix(), rules.EventSchedule, rule)
}

// slotRule is the rule that an event is a slot of, by its key; the id of a run will do too.
func slotRule(key string) (rule string, ok bool) {
	const at = len("0123456789")
	if len(key) < at {
		return "", false
	}
	rest, ok := strings.CutPrefix(key[at:], "."+rules.EventSchedule+".")
	rule, _, _ = strings.Cut(rest, "/")
	return rule, ok
}

// queueOf is the queue in which an event, or a run of it, is handled: its conversation's, or that of the rule whose slot it
// is.
func queueOf(conversation, key string) string {
	if conversation == "" {
		if rule, ok := slotRule(key); ok {
			return queueSlots + rule
		}
	}
	return conversation
}

// newSlot is a slot as an event of the journal. mark keeps apart what people had run.
func newSlot(rec slotRecord, at, now time.Time, mark string) (journal.Event, error) {
	_, rec.Offset = at.Zone()
	rec.At = at.Unix()
	e := journal.Event{Key: slotKey(rec.Rule, at), At: at.Truncate(time.Second)}
	if mark != "" {
		e.Key, e.At = slotKey(rec.Rule, now)+"/"+mark, now.Truncate(time.Second)
	}
	var err error
	e.Data, err = sdkconn.Marshal(eventRecord{Lifecycle: rules.EventSchedule, At: uint64(e.At.Unix()), Slot: &rec})
	return e, err
}

// event is what the slot means to the rules.
func (rec *slotRecord) event(key, self string) []rules.Event {
	if rec.Skipped != "" {
		return nil
	}
	ev := rules.SlotEvent(rec.Rule, rules.Slot{At: rec.time(), Missed: rec.Missed, Manual: rec.Manual}, self)
	ev.Key = key
	return []rules.Event{ev}
}

// time is the slot in its schedule's zone, as it was when the slot was written down.
func (rec *slotRecord) time() time.Time {
	name := rec.Zone
	if name == "" {
		name = "bot"
	}
	return time.Unix(rec.At, 0).In(time.FixedZone(name, rec.Offset))
}

// String is the slot as people write it.
func (rec *slotRecord) String() string { return slotTime(rec.time()) }

// slotTime writes a slot for people.
func slotTime(at time.Time) string { return at.Format("2006-01-02 15:04:05 -07:00") }
