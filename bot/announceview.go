package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/sdkconn"
)

// AnnouncedTarget is what became of one target, for people.
type AnnouncedTarget struct {
	N       uint64           `json:"n"`
	To      string           `json:"to"`              // the conversation: c2c_USER or group_ID
	State   string           `json:"state"`           // queued, sent, failed, skipped or revoked
	At      time.Time        `json:"at,omitzero"`     // of that
	MsgID   string           `json:"msg_id,omitzero"` // of its message
	Locator *sdkconn.Locator `json:"locator,omitzero"`
	Code    string           `json:"code,omitzero"`  // why it failed, or could not be revoked
	Error   string           `json:"error,omitzero"` // the same in words
	Unknown bool             `json:"unknown,omitzero"`
}

var targetStates = map[journal.TargetState]string{
	journal.TargetQueued: "queued", journal.TargetSent: "sent", journal.TargetFailed: "failed",
	journal.TargetSkipped: "skipped", journal.TargetRevoked: "revoked",
}

func targetView(t *journal.Target) (AnnouncedTarget, error) {
	d, err := decodeTarget(t)
	if err != nil {
		return AnnouncedTarget{}, err
	}
	out := AnnouncedTarget{
		N: t.N, To: t.Name, State: targetStates[t.State], MsgID: d.MsgID, Code: d.Code, Error: d.Text, Unknown: d.Unsettled != 0,
	}
	if d.At != 0 {
		out.At = time.UnixMilli(d.At)
	}
	if l, ok := d.locator(); ok {
		out.Locator = &l
	}
	return out, nil
}

// delivered is the target as a step's output has it.
func (t AnnouncedTarget) delivered() actions.Delivered {
	out := actions.Delivered{OK: t.State == "sent", MsgID: t.MsgID, Locator: t.Locator, Error: t.Error}
	out.To, _ = sdkconn.ParseConversation(t.To) // which wrote it
	fmt.Sscan(t.Code, &out.Code)                // 0 for one that is a word
	return out
}

// Announcements returns announcements, the newest first, at most limit, of those made before the one with the key before
// ("": from the newest on).
func (in *Inspector) Announcements(ctx context.Context, before string, limit int) ([]Announcement, error) {
	var from uint64
	if before != "" {
		a, ok, err := in.journal.Announcement(ctx, before)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("%q: %w: see the list of them", before, ErrNoAnnouncement)
		}
		from = a.N
	}
	page, err := in.journal.Announcements(ctx, from, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Announcement, len(page))
	for i, a := range page {
		rec, err := decodeAnnouncement(a)
		if err != nil {
			return nil, err
		}
		out[i] = rec.view(a.Key, a.Targets)
	}
	return out, nil
}

// Announcement returns one announcement. Errors: ErrNoAnnouncement.
func (in *Inspector) Announcement(ctx context.Context, key string) (Announcement, error) {
	a, ok, err := in.journal.Announcement(ctx, key)
	if err != nil {
		return Announcement{}, err
	}
	if !ok {
		return Announcement{}, fmt.Errorf("%q: %w: see the list of them", key, ErrNoAnnouncement)
	}
	rec, err := decodeAnnouncement(a)
	return rec.view(key, a.Targets), err
}

// AnnouncedTargets returns what became of an announcement's targets in their order, at most limit, beginning after number
// after. What a cancelled or recalled announcement did not send to is skipped. Errors: ErrNoAnnouncement.
func (in *Inspector) AnnouncedTargets(ctx context.Context, key string, after uint64, limit int) ([]AnnouncedTarget, error) {
	whole, err := in.Announcement(ctx, key)
	if err != nil {
		return nil, err
	}
	page, err := in.journal.Targets(ctx, journal.TargetQuery{Key: key, After: after, Limit: limit})
	if err != nil {
		return nil, err
	}
	out := make([]AnnouncedTarget, len(page))
	for i := range page {
		if out[i], err = targetView(&page[i]); err != nil {
			return nil, err
		}
		if page[i].State == journal.TargetQueued && (whole.State.over() || whole.State == AnnounceRecalling) {
			out[i].State, out[i].Code = targetStates[journal.TargetSkipped], string(whole.State)
		}
	}
	return out, nil
}

// SteerAnnouncement does with an announcement what a person wants: at once beside a running bot; else it is written down,
// and what has to be sent or revoked for it goes when the bot runs next. Errors: ErrNoAnnouncement, ErrAnnouncement.
func (in *Inspector) SteerAnnouncement(ctx context.Context, key string, verb AnnounceVerb) (Announcement, error) {
	if in.steer != nil {
		return in.steer(ctx, key, verb)
	}
	in.changing.Lock()
	defer in.changing.Unlock()
	p, err := in.waiting(ctx)
	if err != nil {
		return Announcement{}, err
	}
	a, ok, err := in.journal.Announcement(ctx, key)
	if err != nil {
		return Announcement{}, err
	}
	if !ok {
		return Announcement{}, fmt.Errorf("%q: %w: see the list of them", key, ErrNoAnnouncement)
	}
	rec, err := decodeAnnouncement(a)
	if err != nil {
		return Announcement{}, err
	}
	change := new(journal.Change)
	if err := steerAnnouncement(&rec, change, verb, p, key, in.clock.Now()); err != nil {
		return Announcement{}, err
	}
	x, err := rec.encode(key)
	if err != nil {
		return Announcement{}, err
	}
	change.Announcements = append(change.Announcements, x)
	if err := in.journal.Commit(ctx, change); err != nil {
		return Announcement{}, fmt.Errorf("journal: %w", err)
	}
	return rec.view(key, a.Targets), nil
}

// Announce is Bot.Announce beside a running bot. Errors: ErrNotRunning without one.
func (in *Inspector) Announce(ctx context.Context, o AnnounceOrder) (Announcement, error) {
	if in.order == nil {
		return Announcement{}, ErrNotRunning
	}
	return in.order(ctx, o)
}
