package bot

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// AnnounceState says where an announcement stands.
type AnnounceState string

// The states of an announcement.
const (
	AnnounceRunning   AnnounceState = "running" // also while its targets are read, or held in quiet hours
	AnnounceWaiting   AnnounceState = "waiting_approval"
	AnnouncePaused    AnnounceState = "paused"
	AnnounceRecalling AnnounceState = "recalling"
	AnnounceDone      AnnounceState = "done"
	AnnounceCancelled AnnounceState = "cancelled"
	AnnounceRefused   AnnounceState = "refused" // nobody agreed
	AnnounceRecalled  AnnounceState = "recalled"
)

// over reports whether nothing more happens by itself.
func (s AnnounceState) over() bool {
	return s == AnnounceDone || s == AnnounceCancelled || s == AnnounceRefused || s == AnnounceRecalled
}

// Errors about announcements.
var (
	// ErrNoAnnouncement is wrapped by what is returned for an unknown key.
	ErrNoAnnouncement = errors.New("no such announcement")

	// ErrAnnouncement is wrapped by what is returned for something that an announcement cannot do as it stands, or an
	// order that cannot be followed.
	ErrAnnouncement = errors.New("the announcement cannot")
)

// Announcement is how an announcement stands, for people.
type Announcement struct {
	Key    string        `json:"key"`
	State  AnnounceState `json:"state"`
	Reason string        `json:"reason,omitzero"` // why it stands still
	By     string        `json:"by,omitzero"`     // who asked for it first
	Text   string        `json:"text,omitzero"`   // of the first request, with its expressions

	Made  time.Time `json:"made"`
	Began time.Time `json:"began,omitzero"` // the first message left
	Ended time.Time `json:"ended,omitzero"`

	Requests int  `json:"requests"`         // how often it was asked for
	Loading  bool `json:"loading,omitzero"` // not all targets are read yet

	Total     uint64    `json:"total"` // targets, each counted once
	Queued    uint64    `json:"queued"`
	Held      int       `json:"held,omitzero"` // of the queued: in quiet hours
	HeldUntil time.Time `json:"held_until,omitzero"`
	Sent      int       `json:"sent"`
	Failed    int       `json:"failed"`
	Skipped   int       `json:"skipped"` // named again, blank, or left out by a cancel
	Revoked   int       `json:"revoked,omitzero"`
	Kept      int       `json:"not_revoked,omitzero"` // copies that a recall could not take back

	Pace string `json:"pace,omitzero"`
}

// announceRecord is an announcement as the journal keeps it.
type announceRecord struct {
	State  AnnounceState `json:"state"`
	Reason string        `json:"reason,omitzero"`
	By     string        `json:"by,omitzero"`
	Made   int64         `json:"made"` // Unix milliseconds, as all times here
	Began  int64         `json:"began,omitzero"`
	Ended  int64         `json:"ended,omitzero"`

	Pass      announcePass    `json:"pass,omitzero"`
	Cursor    uint64          `json:"cursor,omitzero"`     // targets up to it were looked at in this pass
	HeldFrom  uint64          `json:"held_from,omitzero"`  // the first that this pass held back
	HeldUntil int64           `json:"held_until,omitzero"` // when the first of them may go
	Held      int             `json:"held,omitzero"`
	Intent    *announceIntent `json:"intent,omitzero"`
	Tries     int             `json:"tries,omitzero"`   // of the chunk at hand, without any progress
	Refused   int             `json:"refused,omitzero"` // how often it was refused since, because there were too many

	Sent    int `json:"sent,omitzero"`
	Failed  int `json:"failed,omitzero"`
	Revoked int `json:"revoked,omitzero"`
	Kept    int `json:"kept,omitzero"`
	Skipped int `json:"skipped,omitzero"` // by requests that are over

	Requests []*announceRequest `json:"requests"`
	Asked    int                `json:"asked,omitzero"` // how many requests there ever were
	Consent  *announceConsent   `json:"consent,omitzero"`
}

// announcePass is what is done with the targets, from the first to the last.
type announcePass string

const (
	passSend   announcePass = ""       // those that are queued get the message
	passRetry  announcePass = "retry"  // those that failed
	passRecall announcePass = "recall" // those that have it lose it
)

// announceIntent are the targets to which messages are on their way, From to To without Not: what became of them is not
// known until it is written down.
type announceIntent struct {
	From uint64   `json:"from"`
	To   uint64   `json:"to"`
	Not  []uint64 `json:"not,omitzero"`
	At   int64    `json:"at"` // when the first of them may have left
}

// announceConsent is the request for people's consent.
type announceConsent struct {
	Group   string   `json:"group"`
	By      []string `json:"by"`
	Timeout int64    `json:"timeout"` // milliseconds
	Number  int      `json:"number,omitzero"`
	Asked   int64    `json:"asked,omitzero"` // when it was about to be sent
	Said    bool     `json:"said,omitzero"`  // it was sent
	Due     int64    `json:"due,omitzero"`
}

// announceRequest is one time that the announcement was asked for. It adds the targets From+1 to To, which get its message.
type announceRequest struct {
	ID           string           `json:"id"`
	By           string           `json:"by,omitzero"`
	Run          string           `json:"run,omitzero"` // that waits for its end
	Conversation string           `json:"conversation,omitzero"`
	Message      *sdkconn.Message `json:"message"`
	Text         *rules.RowText   `json:"text,omitzero"` // in place of the message's first text
	Pace         string           `json:"pace,omitzero"`
	Quiet        actions.Quiet    `json:"quiet,omitzero"`

	Sources []*announceSource `json:"sources,omitzero"` // in which targets are still to be read
	Inline  int               `json:"inline,omitzero"`  // of the ids that the request names itself, how many are in the ledger
	Inlines int               `json:"inlines,omitzero"` // and how many there are
	Loaded  bool              `json:"loaded,omitzero"`

	From    uint64 `json:"from,omitzero"`
	To      uint64 `json:"to,omitzero"`
	Named   int    `json:"named,omitzero"` // targets so far, duplicates included
	Known   int    `json:"known,omitzero"` // of them, those that the announcement had before
	Blank   int    `json:"blank,omitzero"` // rows that name nobody
	Settled int    `json:"settled,omitzero"`
	Sent    int    `json:"sent,omitzero"`
	Failed  int    `json:"failed,omitzero"`

	First jsontext.Value `json:"first,omitzero"` // the first failure: a failure
	Done  bool           `json:"done,omitzero"`
	State AnnounceState  `json:"state,omitzero"` // when it was done
}

// announceSource is a file of targets that is being read.
type announceSource struct {
	Path string           `json:"path"`
	Kind sdkconn.ConvType `json:"kind"`
	Size int64            `json:"size"`          // as it was when it was checked
	Time int64            `json:"time"`          // Unix nanoseconds
	Rows int              `json:"rows,omitzero"` // read so far
	Read bool             `json:"read,omitzero"` // all of it
}

// targetData is what the ledger keeps of a target besides its state.
type targetData struct {
	Row  map[string]string `json:"row,omitzero"`  // the columns that its text reads
	Zone string            `json:"zone,omitzero"` // of its quiet hours

	At    int64  `json:"at,omitzero"` // of what became of it
	MsgID string `json:"msg,omitzero"`
	Time  uint64 `json:"t,omitzero"` // the message's identity
	Seq   uint64 `json:"s,omitzero"`
	Rand  uint64 `json:"r,omitzero"`

	Code      string `json:"code,omitzero"`
	Text      string `json:"error,omitzero"`
	Unsettled int64  `json:"unsettled,omitzero"` // when the attempt began whose outcome nobody knows
}

func (d targetData) encode() []byte {
	data, err := json.Marshal(d, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(fmt.Sprintf("target: %v", err)) // numbers and texts
	}
	return data
}

func decodeTarget(t *journal.Target) (d targetData, err error) {
	if len(t.Data) == 0 {
		return d, nil
	}
	if err := json.Unmarshal(t.Data, &d, jsontext.AllowInvalidUTF8(true)); err != nil {
		return d, fmt.Errorf("target %d: %w", t.N, err)
	}
	return d, nil
}

// locator is the identity of the message; ok is false when it was not told.
func (d targetData) locator() (l sdkconn.Locator, ok bool) {
	return sdkconn.Locator{Time: d.Time, Seq: d.Seq, Rand: d.Rand, IsSelf: true}, d.Time != 0
}

func decodeAnnouncement(a journal.Announcement) (rec announceRecord, err error) {
	if err := sdkconn.Unmarshal(a.Data, &rec); err != nil {
		return rec, fmt.Errorf("announcement %s: %w", a.Key, err)
	}
	return rec, nil
}

func (rec *announceRecord) encode(key string) (journal.Announcement, error) {
	data, err := sdkconn.Marshal(rec)
	if err != nil {
		return journal.Announcement{}, fmt.Errorf("announcement %s: %w", key, err)
	}
	return journal.Announcement{Key: key, Data: data}, nil
}

// view is the announcement for people.
func (rec *announceRecord) view(key string, targets uint64) Announcement {
	out := Announcement{
		Key: key, State: rec.State, Reason: rec.Reason, By: rec.By, Made: time.UnixMilli(rec.Made), Requests: rec.Asked,
		Total: targets, Held: rec.Held, Sent: rec.Sent, Failed: rec.Failed, Revoked: rec.Revoked, Kept: rec.Kept,
		Skipped: rec.Skipped, Loading: slices.ContainsFunc(rec.Requests, func(r *announceRequest) bool { return !r.Loaded }),
	}
	if rec.Began != 0 {
		out.Began = time.UnixMilli(rec.Began)
	}
	if rec.Ended != 0 {
		out.Ended = time.UnixMilli(rec.Ended)
	}
	if rec.Held > 0 {
		out.HeldUntil = time.UnixMilli(rec.HeldUntil)
	}
	for _, r := range rec.Requests {
		out.Skipped += r.Known + r.twice() + r.Blank
	}
	if len(rec.Requests) > 0 {
		first := rec.Requests[0]
		out.Text, out.Pace = first.text(), first.Pace
	}
	out.Queued = targets - uint64(rec.Sent+rec.Failed+rec.Revoked)
	if rec.State.over() || rec.State == AnnounceRecalling { // nothing more is sent
		out.Skipped += int(out.Queued)
		out.Queued = 0
	}
	return out
}

func (r *announceRequest) text() string {
	if r.Text != nil {
		return r.Text.String()
	}
	if r.Message == nil {
		return ""
	}
	return r.Message.Text()
}

// twice is how often a target was named that the request had named before.
func (r *announceRequest) twice() int { return max(r.Named-r.Known-int(r.To-r.From), 0) }

// request returns the request that a target belongs to.
func (rec *announceRecord) request(n uint64) *announceRequest {
	for _, r := range rec.Requests {
		if n > r.From && n <= r.To {
			return r
		}
	}
	return nil
}

// cutShort reports whether ids that the request names itself are not in the ledger: only who ordered has them.
func (r *announceRequest) cutShort() bool { return r.Inline < r.Inlines }

// byID returns a request; nil when it is not there.
func (rec *announceRecord) byID(id string) *announceRequest {
	for _, r := range rec.Requests {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// unloaded returns the first request whose targets are not all in the ledger; nil for none.
func (rec *announceRecord) unloaded() *announceRequest {
	for _, r := range rec.Requests {
		if !r.Loaded {
			return r
		}
	}
	return nil
}

// keptRequests is how many finished requests that added nothing are kept, for runs that have yet to look at them.
const keptRequests = 50

// forgetRequests lets go of old requests that added nothing.
func (rec *announceRecord) forgetRequests() {
	empty := 0
	for _, r := range slices.Backward(rec.Requests) {
		if r.Done && r.From == r.To {
			empty++
		}
	}
	rec.Requests = slices.DeleteFunc(rec.Requests, func(r *announceRequest) bool {
		if !r.Done || r.From != r.To || empty <= keptRequests {
			return false
		}
		empty--
		rec.Skipped += r.Known + r.twice() + r.Blank
		return true
	})
}

// settle notes what became of one target of a request, which was in the state was.
func (rec *announceRecord) settle(n uint64, was, is journal.TargetState, data targetData) {
	count := func(state journal.TargetState, by int) {
		req := rec.request(n)
		switch state {
		case journal.TargetSent:
			rec.Sent += by
			if req != nil {
				req.Sent += by
			}
		case journal.TargetFailed:
			rec.Failed += by
			if req != nil {
				req.Failed += by
			}
		case journal.TargetRevoked:
			rec.Revoked += by
		}
	}
	count(was, -1)
	count(is, 1)
	req := rec.request(n)
	if req == nil {
		return
	}
	if was == journal.TargetQueued {
		req.Settled++
	}
	if is == journal.TargetFailed && req.First == nil {
		req.First, _ = json.Marshal(rules.StepError{Code: data.Code, Text: data.Text})
	}
}

// conclude ends the requests that have nothing left to do, or, when the announcement is over, all; it sets the timers that
// wake those who wait for them.
func (rec *announceRecord) conclude(change *journal.Change, now time.Time) {
	for _, r := range rec.Requests {
		settled := r.Loaded && uint64(r.Settled) == r.To-r.From && rec.Pass == passSend
		if r.Done || !settled && !rec.State.over() {
			continue
		}
		r.Done, r.State = true, AnnounceDone
		if !settled && rec.State != AnnounceDone {
			r.State = rec.State
		}
		if r.Run != "" {
			change.SetTimers = append(change.SetTimers, journal.Timer{ID: r.Run, Due: now, Run: r.Run})
		}
	}
	if rec.State.over() && rec.Ended == 0 {
		rec.Ended = now.UnixMilli()
	}
	rec.forgetRequests()
}

// steer does what a person asks for, at once where it needs no message to be sent. Errors: ErrAnnouncement.
func (rec *announceRecord) steer(verb AnnounceVerb, now time.Time) error {
	refuse := func(why string) error { return fmt.Errorf("%w %s: it is %s%s", ErrAnnouncement, verb, rec.State, why) }
	again := func(pass announcePass) {
		rec.State, rec.Reason, rec.Pass, rec.Ended = AnnounceRunning, "", pass, 0
		rec.Cursor, rec.HeldFrom, rec.Held, rec.Intent, rec.Tries = 0, 0, 0, nil, 0
	}
	switch verb {
	case AnnouncePause:
		if rec.State != AnnounceRunning && rec.State != AnnounceRecalling {
			return refuse("")
		}
		rec.State, rec.Reason = AnnouncePaused, "a person paused it"
	case AnnounceResume:
		switch {
		case rec.State == AnnouncePaused && rec.Pass == passRecall:
			rec.State, rec.Reason = AnnounceRecalling, ""
		case rec.State == AnnouncePaused:
			rec.State, rec.Reason = AnnounceRunning, ""
		case rec.State == AnnounceCancelled:
			intent := rec.Intent
			again(passSend)
			rec.Intent = intent
		default:
			return refuse("")
		}
	case AnnounceCancel:
		if rec.State.over() || rec.Pass == passRecall {
			return refuse("")
		}
		rec.State, rec.Reason = AnnounceCancelled, "a person cancelled it"
	case AnnounceRetry:
		if rec.State != AnnounceDone && rec.State != AnnounceCancelled {
			return refuse(": it can be retried when it is done")
		}
		if rec.Failed == 0 {
			return fmt.Errorf("%w %s: nothing failed", ErrAnnouncement, verb)
		}
		again(passRetry)
	case AnnounceRecall:
		if rec.State == AnnounceRecalling {
			return nil
		}
		if rec.Intent != nil {
			return fmt.Errorf("%w %s yet: messages are on their way; try again in a moment", ErrAnnouncement, verb)
		}
		if rec.Sent == 0 {
			return fmt.Errorf("%w %s: nothing was sent", ErrAnnouncement, verb)
		}
		again(passRecall)
		rec.State, rec.Kept = AnnounceRecalling, 0
	default:
		return fmt.Errorf("%w %q: it can %s", ErrAnnouncement, verb, strings.Join(announceVerbs, ", "))
	}
	return nil
}

// AnnounceVerb is what a person may do with an announcement.
type AnnounceVerb string

// The verbs.
const (
	AnnouncePause  AnnounceVerb = "pause"  // nothing more is sent until it is resumed
	AnnounceResume AnnounceVerb = "resume" // also what was cancelled
	AnnounceCancel AnnounceVerb = "cancel" // it ends: those who wait for it go on
	AnnounceRetry  AnnounceVerb = "retry"  // those that failed are tried again
	AnnounceRecall AnnounceVerb = "recall" // what was sent is revoked where that is possible
)

var announceVerbs = []string{"pause", "resume", "cancel", "retry", "recall"}

// announceEffect names the effect of an announcement for good, short enough to travel with each message.
func announceEffect(key string) string { return effectID("announce", key) }

// announceRun is what stands in place of a run where an announcement waits for people.
const announceRun = "announce:"

// outcome of a request, as a step leaves it behind.
func (r *announceRequest) announced(key string) actions.Announced {
	total := int(r.To-r.From) + r.Known
	return actions.Announced{
		Key: key, State: string(cmp.Or(r.State, AnnounceRunning)), Total: total, Sent: r.Sent, Failed: r.Failed,
		Skipped: total - r.Sent - r.Failed + r.twice() + r.Blank, Text: r.text(),
	}
}
