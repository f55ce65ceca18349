package bot

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
)

const (
	reportEvery   = time.Minute      // one report of a kind in so long
	reportTimeout = 30 * time.Second // for sending one
	reportQueue   = 64               // reports that may wait for the connection
)

// reports is what the people of the ops group are told. It is on the way of nothing: who reports does not wait, and a
// report that cannot be sent is a line in the log.
type reports struct {
	mu    sync.Mutex
	kinds map[string]*reportKind
	queue chan string
}

type reportKind struct {
	last time.Time
	left int             // reports since then that were left out
	text string          // of the last of those
	next clockwork.Timer // tells them when their minute is over; nil while there are none
}

func newReports() *reports {
	return &reports{kinds: make(map[string]*reportKind), queue: make(chan string, reportQueue)}
}

// report tells bot.ops_group what a person must know, at most once a minute of each kind; more of a kind in that minute
// are counted, and the last of them is told at its end. It never blocks and never fails. Without an ops group it only
// logs.
func (b *Bot) report(ctx context.Context, kind, text string) {
	b.log.WarnContext(ctx, text, "kind", kind)
	b.tell(kind, text)
}

// tell is report for what is in the log already.
func (b *Bot) tell(kind, text string) {
	if b.rules().Bot.OpsGroup == "" {
		return
	}
	r := b.reports
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.kinds[kind]
	if k == nil {
		k = &reportKind{}
		r.kinds[kind] = k
	}
	now := b.clock.Now()
	if rest := k.last.Add(reportEvery).Sub(now); !k.last.IsZero() && rest > 0 && rest <= reportEvery {
		k.left++
		k.text = text
		if k.next == nil {
			k.next = b.clock.AfterFunc(rest, func() { b.reportRest(k) })
		}
		return
	}
	k.last = now
	b.queueReport(text)
}

// reportRest tells what a kind's minute left out.
func (b *Bot) reportRest(k *reportKind) {
	r := b.reports
	r.mu.Lock()
	defer r.mu.Unlock()
	if k.next == nil { // stopped
		return
	}
	text := k.text
	if k.left > 1 {
		text = fmt.Sprintf("%s (and %d more like this)", text, k.left-1)
	}
	k.last, k.left, k.text, k.next = b.clock.Now(), 0, "", nil
	b.queueReport(text)
}

func (b *Bot) queueReport(text string) {
	select {
	case b.reports.queue <- text:
	default:
		b.log.Warn("report left out: too many wait for the connection")
	}
}

// sendReports sends what is reported until ctx ends.
func (b *Bot) sendReports(ctx context.Context) {
	defer b.reports.stop()
	for {
		select {
		case text := <-b.reports.queue:
			if err := b.sendReport(ctx, text); err != nil && ctx.Err() == nil {
				b.log.Warn("report not sent", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

func (b *Bot) sendReport(ctx context.Context, text string) error {
	ctx, cancel := withTimeout(ctx, b.clock, reportTimeout)
	defer cancel()
	_, err := b.conn.SendNewMsg(ctx, sdkconn.Group(b.rules().Bot.OpsGroup), &sdkconn.Message{
		Elems: sdkconn.Elems{&sdkconn.TextElem{Text: text}},
	})
	return err
}

// stop lets go of the timers.
func (r *reports) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.kinds {
		if k.next != nil {
			k.next.Stop()
			k.next = nil
		}
	}
}
