package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/archive"
	"github.com/timbot-go/timbot/bot/journal/sqlite"
	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// counted is what came of it all.
type counted struct {
	lost, doubled int
	problems      []string // for people
}

// count compares what must be there with the history of every conversation.
func (w *world) count(ctx context.Context) (counted, error) {
	said := make(map[string]int)
	for _, user := range append(people, talkers...) {
		for _, conv := range []sdkconn.Conversation{sdkconn.C2C(botUser), hall} {
			if conv == hall && user != people[0] {
				continue
			}
			msgs, err := w.conns[user].GetMsgList(ctx, conv, sdkconn.GetMsgListParam{Count: 1 << 30})
			if err != nil {
				return counted{}, fmt.Errorf("history of %s: %w", user, err)
			}
			for _, m := range msgs {
				if m.Sender != botUser {
					continue
				}
				for _, text := range parts(m.Text()) {
					said[hearing(user, conv, text)]++
				}
			}
		}
	}
	w.expectTicks(said)
	var out counted
	byKind := make(map[string]int)
	for _, x := range w.want {
		key := hearing(x.user, x.conv, x.text)
		n := said[key]
		delete(said, key)
		byKind[x.kind]++
		switch {
		case n == 0:
			out.lost++
			out.problems = append(out.problems, fmt.Sprintf("lost (%s): %s", x.kind, key))
		case n > 1:
			out.doubled += n - 1
			out.problems = append(out.problems, fmt.Sprintf("%d times (%s): %s", n, x.kind, key))
		}
	}
	for key, n := range said { // an answer to nothing
		out.doubled += n
		out.problems = append(out.problems, fmt.Sprintf("not asked for, %d times: %s", n, key))
	}
	fmt.Println("answers", byKind)
	return out, nil
}

// tick is what the bot says at each second.
const tick = "tick "

// expectTicks wants each second from the first to the last that was told. The first slot is that of the first second that the
// bot saw, whenever that was.
func (w *world) expectTicks(said map[string]int) {
	var first, last int64
	for key := range said {
		at := strings.LastIndex(key, tick)
		if at < 0 {
			continue
		}
		n, err := strconv.ParseInt(key[at+len(tick):], 10, 64)
		if err != nil {
			continue
		}
		if first == 0 || n < first {
			first = n
		}
		last = max(last, n)
	}
	for n := first; n <= last && n > 0; n++ {
		w.want = append(w.want, want{people[0], hall, fmt.Sprint(tick, n), "schedule"})
	}
}

// check looks after the files: their integrity, that nothing is left over in the journal, and that each message was
// archived once.
func (w *world) check(ctx context.Context, dir string) (problems []string, err error) {
	found, err := local.Check(ctx, filepath.Join(dir, "chat.db"))
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		problems = append(problems, "chat: "+p)
	}
	data := filepath.Join(dir, ".timbot")
	j, err := sqlite.Open(ctx, filepath.Join(data, "journal.db"), sqlite.Config{})
	if err != nil {
		return nil, err
	}
	defer j.Close()
	bad, err := j.Check(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range bad {
		problems = append(problems, "journal: "+p)
	}
	stats, err := j.Stats(ctx)
	if err != nil {
		return nil, err
	}
	if stats.Runs+stats.Timers+stats.Pending > 0 {
		problems = append(problems, fmt.Sprintf("journal: %d runs, %d timers and %d events are left over", stats.Runs,
			stats.Timers, stats.Pending))
	}
	more, err := w.archived(ctx, filepath.Join(data, "archive.db"))
	return append(problems, more...), err
}

// archived looks whether each message that a user sent to the bot was archived once.
func (w *world) archived(ctx context.Context, file string) (problems []string, err error) {
	a, err := archive.OpenReader(file)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	times := make(map[string]int)
	q := archive.Query{Archive: "all", Limit: 1000}
	for {
		page, err := a.Query(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page {
			var r struct {
				Text string `json:"text"`
			}
			if err := json.Unmarshal(page[i].Data, &r); err != nil {
				return nil, err
			}
			times[r.Text]++
			q.Before = &page[i]
		}
		if len(page) < q.Limit {
			break
		}
	}
	for text, n := range w.said {
		if have := times[text]; have != n {
			problems = append(problems, fmt.Sprintf("archive: %q is there %d times, was sent %d times", text, have, n))
		}
	}
	return problems, nil
}
