package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// AnnounceOrder asks for an announcement.
type AnnounceOrder struct {
	// Key names the announcement for good. The same key never reaches the same target twice: an order with the key of
	// another adds the targets that that one does not have.
	Key string `json:"key"`

	// ID names the order; the same ID again is the same order. Empty: a new one.
	ID string `json:"id,omitzero"`
	By string `json:"by,omitzero"` // who asks, for people

	Users  []string          `json:"users,omitzero"`
	Groups []string          `json:"groups,omitzero"`
	Files  []AnnounceTargets `json:"files,omitzero"`

	Message *sdkconn.Message `json:"message"`
	// Rows reads the message's first text as one with ${{ row.COLUMN }}, a column of the files.
	Rows  bool          `json:"rows,omitzero"`
	Pace  string        `json:"pace,omitzero"` // "20/s"; "": as fast as bot.pace lets
	Quiet actions.Quiet `json:"quiet,omitzero"`

	// Approve has people of bot.ops_group agree before anything is sent.
	Approve bool `json:"approve,omitzero"`

	text              *rules.RowText // of a rule
	run, conversation string
}

// AnnounceTargets is a file of targets; see package targets.
type AnnounceTargets struct {
	Path string           `json:"path"` // absolute
	Kind sdkconn.ConvType `json:"kind"` // what its ids are where it does not say
}

// announceTimeout is how long consent to an order is waited for.
const announceTimeout = 24 * time.Hour

// Announce orders an announcement: it is durable when Announce returns, and goes out while Run runs, or with
// RunAnnouncement. Its files are read through once before. Errors: one that wraps ErrAnnouncement says what is wrong with
// the order.
func (b *Bot) Announce(ctx context.Context, o AnnounceOrder) (Announcement, error) {
	return b.announcer.order(ctx, o)
}

func wrongOrder(format string, args ...any) error {
	return fmt.Errorf("%w be ordered: %w", ErrAnnouncement, fmt.Errorf(format, args...))
}

// check looks at an order and makes its request.
func (o *AnnounceOrder) check() (*announceRequest, error) {
	switch {
	case o.Key == "" || len(o.Key) > maxKey || strings.ContainsFunc(o.Key, func(c rune) bool { return c < ' ' }):
		return nil, wrongOrder("its key %q must have 1 to %d bytes and no control characters", o.Key, maxKey)
	case len(o.Users)+len(o.Groups)+len(o.Files) == 0:
		return nil, wrongOrder("it has no targets: name users, groups or a file")
	case o.Message == nil || len(o.Message.Elems) == 0:
		return nil, wrongOrder("it has no message")
	}
	req := &announceRequest{
		ID: o.ID, By: o.By, Run: o.run, Conversation: o.conversation, Message: o.Message, Text: o.text, Pace: o.Pace, Quiet: o.Quiet,
	}
	if o.Rows {
		text, err := rules.ParseRowText(o.Message.Text())
		if err != nil {
			return nil, wrongOrder("text: %w", err)
		}
		req.Text = text
	}
	call := &actions.Call{EffectID: announceEffect(o.Key)}
	if _, err := call.Marked(o.Message); err != nil {
		return nil, wrongOrder("%w", err)
	}
	if o.Pace != "" {
		if _, err := rules.ParseRate(o.Pace); err != nil {
			return nil, wrongOrder("pace: %w", err)
		}
	}
	if _, err := newQuietHours(o.Quiet); err != nil {
		return nil, wrongOrder("%w", err)
	}
	var columns []string
	if req.Text != nil {
		template, err := req.Text.Compile()
		if err != nil {
			return nil, wrongOrder("text: %w", err)
		}
		columns, _ = template.Columns()
		if len(o.Files) == 0 || len(o.Users)+len(o.Groups) > 0 {
			return nil, wrongOrder("text: ${{ row }} is a row of a file of targets, and not all targets come from one")
		}
	}
	if _, err := make(zones).zone(o.Quiet.TZ, time.UTC); err != nil {
		if len(o.Files) == 0 {
			return nil, wrongOrder("quiet.tz: %w", err)
		}
		columns = append(columns, o.Quiet.TZ)
	}
	for _, f := range o.Files {
		source, err := f.check(columns)
		if err != nil {
			return nil, wrongOrder("%w", err)
		}
		req.Sources = append(req.Sources, source)
	}
	return req, nil
}

// order checks an order and writes it down.
func (a *announcer) order(ctx context.Context, o AnnounceOrder) (Announcement, error) {
	unlock, err := a.locks.lock(ctx, o.Key)
	if err != nil {
		return Announcement{}, err
	}
	defer unlock()
	now := a.b.clock.Now()
	j, err := a.open(ctx, o.Key)
	switch {
	case errors.Is(err, ErrNoAnnouncement):
		j = nil
	case err != nil:
		return Announcement{}, err
	case o.ID != "" && j.rec.again(o.ID): // ordered before
		if err := a.readInline(ctx, j, j.rec.byID(o.ID), o); err != nil {
			return Announcement{}, err
		}
		a.poke(j)
		return j.rec.view(j.key, j.targets), nil
	}
	req, err := o.check()
	if err != nil {
		return Announcement{}, err
	}
	if j == nil {
		j = a.add(o.Key, announceRecord{State: AnnounceRunning, By: o.By, Made: now.UnixMilli()}, 0)
	}
	if err := j.rec.reopen(); err != nil {
		a.settleJob(j)
		return Announcement{}, err
	}
	for r := j.rec.unloaded(); r != nil; r = j.rec.unloaded() { // so that the targets of each request stand together
		if r.cutShort() {
			waits, err := a.awaited(ctx, r)
			if err != nil {
				return Announcement{}, err
			}
			if waits {
				return Announcement{}, fmt.Errorf("%w be ordered now: %w", ErrAnnouncement, errOrdering)
			}
		}
		if _, err := a.read(ctx, j); err != nil {
			return Announcement{}, err
		}
		if j.rec.State == AnnouncePaused { // its file cannot be read any more
			return Announcement{}, wrongOrder("the one with this key is paused: %s", j.rec.Reason)
		}
	}
	if o.Approve {
		consent, err := a.consentOf()
		if err != nil {
			a.settleJob(j)
			return Announcement{}, err
		}
		j.rec.State, j.rec.Consent = AnnounceWaiting, consent
	}
	j.rec.Asked++
	if req.ID == "" {
		req.ID = fmt.Sprintf("%s/%d", o.Key, j.rec.Asked)
	}
	req.From, req.To, req.Inlines = j.targets, j.targets, len(o.Users)+len(o.Groups)
	j.rec.Requests = append(j.rec.Requests, req)
	if err := a.commit(ctx, j, &journal.Change{}); err != nil {
		return Announcement{}, err
	}
	if err := a.readInline(ctx, j, req, o); err != nil {
		return Announcement{}, err
	}
	a.poke(j)
	return j.rec.view(j.key, j.targets), nil
}

// errOrdering says that a crash came while somebody else's order was written down, who is about to go on with it.
var errOrdering = errors.New("another order under this key is being written down; try again in a moment")

// again reports whether an order is there already. One that was cut short and closed since is not: what it lacks is ordered
// anew.
func (rec *announceRecord) again(id string) bool {
	r := rec.byID(id)
	if r != nil && r.Loaded && r.cutShort() {
		r.ID = ""
		return false
	}
	return r != nil
}

// awaited reports whether the run that made a request, which was cut short, is to go on with it.
func (a *announcer) awaited(ctx context.Context, r *announceRequest) (bool, error) {
	if r.Run == "" {
		return false, nil
	}
	stored, open, err := a.b.journal.Run(ctx, r.Run)
	if err != nil || !open {
		return false, err
	}
	rec, err := readRun(stored)
	return err == nil && rec.Dead == nil, nil // what cannot be read does not go on
}

// reopen lets an announcement take more targets.
func (rec *announceRecord) reopen() error {
	switch rec.State {
	case AnnounceCancelled, AnnounceRefused, AnnounceRecalling, AnnounceRecalled:
		return fmt.Errorf("%w be sent: the one with this key is %s; use another key, or see timbot announce", ErrAnnouncement, rec.State)
	case AnnounceDone:
		rec.State, rec.Ended, rec.Pass = AnnounceRunning, 0, passSend
	}
	return nil
}
