package bot

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/sdkconn"
)

// outgoing is where the messages of one attempt of one step leave, at the bot's pace. A message that the service has no
// room for is held back: in place once something of the step may have left, else by putting the whole step off.
type outgoing struct {
	conn    sdkconn.Conn
	pace    *pace
	effect  string
	time    *stepTime
	tries   int                       // how often the service may say that there are too many
	backoff func(n int) time.Duration // the wait after the nth refusal

	mu      sync.Mutex // an action may send from several goroutines; its messages leave one by one
	left    bool       // something of the step may have left
	later   time.Time  // until when the step is put off
	refusal error      // why; nil when it is only not its turn
}

var _ actions.Outgoing = (*outgoing)(nil)

// PaceStats tells what left the bot so far.
func (b *Bot) PaceStats() PaceStats { return b.pace.Stats() }

// SendNewMsg implements actions.Outgoing.
func (o *outgoing) SendNewMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.send(ctx, conv, msg)
}

func (o *outgoing) send(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	for refused := 0; ; {
		if !o.later.IsZero() {
			return nil, o.isPutOff()
		}
		goOn := o.time.pause()
		place, later, err := o.pace.enter(ctx, o.effect, conv, o.left)
		goOn()
		if err != nil {
			return nil, fmt.Errorf("wait for the turn to send to %s: %w", conv, err)
		}
		if place == nil {
			o.later = later
			continue
		}
		sent, err := o.try(ctx, place, conv, msg, refused < o.tries)
		if !sdkconn.FrequencyLimit(err) || refused >= o.tries {
			return sent, err
		}
		refused++
		until := o.pace.clock.Now().Add(o.backoff(refused))
		o.pace.refuse(place, o.effect, until, !ofConversation(err))
		o.putOff(until, err)
	}
}

// try hands a message to the connection. Its place ends, unless it was refused and is to be tried again.
func (o *outgoing) try(ctx context.Context, place *place, conv sdkconn.Conversation, msg *sdkconn.Message, again bool) (sent *sdkconn.Message, err error) {
	keep := false
	defer func() { // also when the connection panics
		if !keep {
			o.left = true
			o.pace.leave(place)
		}
	}()
	sent, err = o.conn.SendNewMsg(ctx, conv, msg)
	keep = again && sdkconn.FrequencyLimit(err)
	return sent, err
}

// putOff puts the step off, unless something of it has left: then the caller tries again in place.
func (o *outgoing) putOff(until time.Time, refusal error) {
	if !o.left {
		o.later, o.refusal = until, refusal
	}
}

// isLater says until when the step is put off, and why if the service said that there are too many; zero for not at all.
func (o *outgoing) isLater() (later time.Time, refusal error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.later, o.refusal
}

func (o *outgoing) isPutOff() error {
	if o.refusal != nil {
		return fmt.Errorf("%w: %w", actions.ErrLater, o.refusal)
	}
	return actions.ErrLater
}

// BatchSend implements actions.Outgoing. Users to whom nothing may leave at once, because other messages to them wait or
// there were too many, get theirs one by one after the others.
func (o *outgoing) BatchSend(ctx context.Context, users []string, msg *sdkconn.Message) ([]sdkconn.BatchSendResult, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	convs := make([]sdkconn.Conversation, len(users))
	for i, user := range users {
		convs[i] = sdkconn.C2C(user)
	}
	for refused := 0; ; {
		if !o.later.IsZero() {
			return nil, o.isPutOff()
		}
		goOn := o.time.pause()
		places, later, err := o.pace.enterBatch(ctx, o.effect, convs, o.left)
		goOn()
		if err != nil {
			return nil, fmt.Errorf("wait for the turn to send to %d users: %w", len(users), err)
		}
		if places == nil {
			o.later = later
			continue
		}
		results, err := o.tryBatch(ctx, places, users, msg, refused < o.tries)
		if !sdkconn.FrequencyLimit(err) || refused >= o.tries {
			return results, err
		}
		refused++
		until := o.pace.clock.Now().Add(o.backoff(refused))
		o.pace.refuseBatch(taken(places), o.effect, until)
		o.putOff(until, err)
	}
}

// taken are the places that are none of nil.
func taken(places []*place) []*place {
	return slices.DeleteFunc(slices.Clone(places), func(pl *place) bool { return pl == nil })
}

// tryBatch sends to those who have a place in one batch, then to the others.
func (o *outgoing) tryBatch(ctx context.Context, places []*place, users []string, msg *sdkconn.Message, again bool) ([]sdkconn.BatchSendResult, error) {
	var now []string
	for i, pl := range places {
		if pl != nil {
			now = append(now, users[i])
		}
	}
	results, err := o.handOver(ctx, places, now, msg, again)
	if len(now) == len(users) || len(now) > 0 && (sdkconn.FrequencyLimit(err) || err != nil && len(results) == 0) {
		return results, err
	}
	byUser := make(map[string]sdkconn.BatchSendResult, len(users))
	for _, r := range results {
		byUser[r.User] = r
	}
	for i, user := range users {
		if places[i] != nil {
			continue
		}
		sent, e := o.send(ctx, sdkconn.C2C(user), msg)
		if !o.later.IsZero() {
			return nil, o.isPutOff()
		}
		r := sdkconn.BatchSendResult{User: user, Msg: sent}
		if e != nil {
			r.Code, r.Desc = sdkconn.CodeOf(e), e.Error()
			if r.Code == 0 {
				r.Code = sdkconn.CodeInterrupt // it ended with ctx
			}
		}
		byUser[user] = r
	}
	results, err = results[:0:0], nil
	succeeded := false
	for _, user := range users {
		r := byUser[user]
		results, succeeded = append(results, r), succeeded || r.Code == 0
	}
	if !succeeded {
		err = &sdkconn.Error{Op: "BatchSend", Code: sdkconn.CodeNoSuccResult, Desc: "no message was sent"}
	}
	return results, err
}

// handOver hands a batch to the connection; its places end, unless it was refused and is to be tried again.
func (o *outgoing) handOver(ctx context.Context, places []*place, users []string, msg *sdkconn.Message, again bool) (results []sdkconn.BatchSendResult, err error) {
	if len(users) == 0 {
		return nil, nil
	}
	keep := false
	defer func() { // also when the connection panics
		if !keep {
			o.left = true
			o.pace.leave(taken(places)...)
		}
	}()
	results, err = o.conn.BatchSend(ctx, users, msg)
	keep = again && sdkconn.FrequencyLimit(err)
	return results, err
}

// ofConversation reports whether a refusal is about one conversation, not about the connection.
func ofConversation(err error) bool {
	switch sdkconn.CodeOf(err) {
	case sdkconn.CodeGroupFreqLimit, sdkconn.CodeGroupSendMsgFreqLimit:
		return true
	}
	return false
}
