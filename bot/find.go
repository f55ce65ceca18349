package bot

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
)

// NotFoundError says that what a person asked for is not there, and what may have been meant.
type NotFoundError struct{ Text string }

func (e *NotFoundError) Error() string { return e.Text }

const (
	// findPage is how many records are read from the journal at once.
	findPage = 500

	// maxScan bounds how many of the newest records are looked through for something that no index leads to.
	maxScan = 200_000

	// clockSkew is how far the clock of a sender may be from the service's.
	clockSkew = 10 * time.Minute
)

// found is the event that a reference led to.
type found struct {
	record journal.Record
	also   []string
	answer *StoryAnswer
}

var (
	decimalRef = regexp.MustCompile(`^[0-9]+$`)
	messageRef = regexp.MustCompile(`^.*-([0-9]+)-([0-9]+)$`)
	effectRef  = regexp.MustCompile(`^[0-9a-f]{32}$`)
	runRef     = regexp.MustCompile(`^(.+)/[0-9]+/([^/]+)$`)
)

// find returns the event that ref names. Errors: *NotFoundError.
func (in *Inspector) find(ctx context.Context, ref string) (*found, error) {
	switch {
	case ref == "":
		return nil, &NotFoundError{"which event? give a message's id, an event's key, a run's id, or last"}
	case ref == "last":
		return in.last(ctx)
	}
	if f, err := in.byKey(ctx, ref); err != nil || f != nil {
		return f, err
	}
	if m := runRef.FindStringSubmatch(ref); m != nil {
		f, err := in.byKey(ctx, m[1])
		if f != nil {
			f.answer = &StoryAnswer{Run: ref, Rule: m[2]}
		}
		if err != nil || f != nil {
			return f, err
		}
	}
	match := matcherOf(ref)
	var hits []journal.Record
	if match.from != "" { // the key's time is known
		err := in.scan(ctx, journal.Query{KeyFrom: match.from, KeyTo: match.to}, func(r *journal.Record) (bool, error) {
			if match.key(r.Key) {
				hits = append(hits, *r)
			}
			return true, nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(hits) > 0 {
		return in.choose(ctx, ref, match, hits)
	}
	// What is left can be anywhere: a message of a group, or something that a step sent.
	var oldest time.Time
	n := 0
	var answers []found
	err := in.scan(ctx, journal.Query{}, func(r *journal.Record) (bool, error) {
		n++
		oldest = r.At
		if match.key(r.Key) {
			hits = append(hits, *r)
		} else if a := match.answer(r); a != nil {
			answers = append(answers, found{record: *r, answer: a})
		}
		return n < maxScan, nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(hits) > 0:
		return in.choose(ctx, ref, match, hits)
	case len(answers) == 1:
		return &answers[0], nil
	case len(answers) > 1:
		var keys []string
		for _, a := range answers {
			keys = append(keys, a.answer.Run)
		}
		return nil, &NotFoundError{fmt.Sprintf("%q can be what any of these did; name one of them:\n  %s", ref, strings.Join(keys, "\n  "))}
	}
	return nil, in.unknown(ctx, ref, match, n, oldest)
}

// byKey returns the event with that key, or with the key of one of the rule events that it stands for; nil for none.
func (in *Inspector) byKey(ctx context.Context, key string) (*found, error) {
	for {
		records, err := in.journal.Records(ctx, journal.Query{KeyFrom: key, KeyTo: key + "\x00", Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(records) > 0 {
			return &found{record: records[0]}, nil
		}
		i := strings.LastIndexByte(key, '#')
		if i < 0 {
			return nil, nil
		}
		key = key[:i]
	}
}

// last returns the newest event of a conversation, or the newest at all.
func (in *Inspector) last(ctx context.Context) (*found, error) {
	var newest *journal.Record
	err := in.scan(ctx, journal.Query{}, func(r *journal.Record) (bool, error) {
		if newest == nil || r.Conversation != "" {
			newest = r
		}
		return newest.Conversation == "", nil
	})
	if err != nil {
		return nil, err
	}
	if newest == nil {
		return nil, &NotFoundError{"the journal holds no event yet"}
	}
	return &found{record: *newest}, nil
}

// scan goes through the records of a query, the newest first, until visit says that it has enough.
func (in *Inspector) scan(ctx context.Context, q journal.Query, visit func(*journal.Record) (more bool, err error)) error {
	q.Limit = findPage
	for {
		records, err := in.journal.Records(ctx, q)
		if err != nil {
			return err
		}
		for i := range records {
			more, err := visit(&records[i])
			if err != nil || !more {
				return err
			}
			q.Before = records[i].N
		}
		if len(records) < findPage {
			return nil
		}
	}
}

// refMatcher knows what a reference can lead to.
type refMatcher struct {
	from, to string // bounds of the key, when its time is known
	at       time.Time
	rand     string                      // of the message; "" when the reference does not tell it
	keyFits  func(time, seq uint64) bool // nil: no key fits
	sent     []byte                      // what the trace of the event has in it that sent the message
	step     func(*stepTrace) bool
}

// matcherOf takes a reference apart.
func matcherOf(ref string) refMatcher {
	m := refMatcher{sent: []byte(`"` + ref + `"`), step: func(s *stepTrace) bool { return s.Msg == ref }}
	bounds := func(from, to time.Time) {
		m.from, m.to = fmt.Sprintf("%010d", max(from.Unix(), 0)), fmt.Sprintf("%010d", to.Unix())
	}
	if effectRef.MatchString(ref) {
		m.step = func(s *stepTrace) bool { return s.Effect == ref }
		return m
	}
	if parts := messageRef.FindStringSubmatch(ref); parts != nil {
		if client, err := strconv.ParseInt(parts[1], 10, 64); err == nil && client < 1<<40 {
			m.at, m.rand = time.Unix(client, 0), parts[2]
			bounds(m.at.Add(-clockSkew), m.at.Add(clockSkew))
			low, high := uint64(max(client-int64(clockSkew.Seconds()), 0)), uint64(client)+uint64(clockSkew.Seconds())
			m.keyFits = func(time, _ uint64) bool { return low <= time && time <= high }
		}
		return m
	}
	id, err := strconv.ParseUint(ref, 10, 64)
	if err != nil || !decimalRef.MatchString(ref) || id < 1<<32 {
		return m
	}
	// The unique id: the time and the rand in a one-to-one conversation, the seq and the rand in a group.
	high, low := id>>32, strconv.FormatUint(id&(1<<32-1), 10)
	m.at, m.rand = time.Unix(int64(high), 0), low
	bounds(m.at, m.at.Add(time.Second))
	m.keyFits = func(time, seq uint64) bool { return time == high || seq == high }
	m.sent = []byte("-" + low + `"`)
	m.step = func(s *stepTrace) bool { return strings.HasSuffix(s.Msg, "-"+low) }
	return m
}

// key reports whether an event with this key is about the message.
func (m *refMatcher) key(key string) bool {
	if m.keyFits == nil {
		return false
	}
	parts := strings.SplitN(key, ".", 4) // time.seq.rand.conversation...
	if len(parts) < 4 || parts[2] != m.rand {
		return false
	}
	t, err1 := strconv.ParseUint(parts[0], 10, 64)
	seq, err2 := strconv.ParseUint(parts[1], 10, 64)
	return err1 == nil && err2 == nil && m.keyFits(t, seq)
}

// answer returns the step of the event's runs that sent the message; nil for none.
func (m *refMatcher) answer(r *journal.Record) *StoryAnswer {
	if !bytes.Contains(r.Trace.Data, m.sent) {
		return nil
	}
	trace, err := readTrace(r.Trace.Data)
	if err != nil {
		return nil
	}
	for _, run := range trace.Runs {
		for i := range run.Steps {
			if m.step(&run.Steps[i]) {
				return &StoryAnswer{Run: run.ID, Rule: run.Rule, Step: run.Steps[i].Name}
			}
		}
	}
	return nil
}

// choose picks the event that is meant among those of one message: the message itself before its edits and its
// revocation. A message of the bot's own is told by the event that it answers.
func (in *Inspector) choose(ctx context.Context, ref string, match refMatcher, hits []journal.Record) (*found, error) {
	message := func(key string) string { return strings.Join(strings.SplitN(key, ".", 4)[:3], ".") }
	slices.SortFunc(hits, func(a, b journal.Record) int {
		if am, bm := strings.HasSuffix(a.Key, ".m"), strings.HasSuffix(b.Key, ".m"); am != bm {
			if am {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Key, b.Key)
	})
	f := &found{record: hits[0]}
	for _, h := range hits[1:] {
		if message(h.Key) != message(f.record.Key) || h.Conversation != f.record.Conversation {
			var keys []string
			for _, h := range hits {
				keys = append(keys, h.Key)
			}
			return nil, &NotFoundError{fmt.Sprintf("%q can be any of these events; name one by its key:\n  %s", ref, strings.Join(keys, "\n  "))}
		}
		f.also = append(f.also, h.Key)
	}
	if !strings.HasSuffix(f.record.Key, ".1.m") { // not the bot's own
		return f, nil
	}
	n := 0
	err := in.scan(ctx, journal.Query{}, func(r *journal.Record) (bool, error) {
		n++
		if a := match.answer(r); a != nil {
			f = &found{record: *r, answer: a, also: []string{f.record.Key}}
			return false, nil
		}
		return n < maxScan, nil
	})
	return f, err
}

// unknown says that nothing was found, and what is near.
func (in *Inspector) unknown(ctx context.Context, ref string, match refMatcher, n int, oldest time.Time) error {
	var b strings.Builder
	fmt.Fprintf(&b, "there is no event, run or sent message %q", ref)
	switch {
	case n == 0:
		b.WriteString("; the journal holds no event yet")
		return &NotFoundError{b.String()}
	case n >= maxScan:
		fmt.Fprintf(&b, " among the newest %d events, back to %s; name an older one by its key", n, oldest.Format(time.DateTime))
	default:
		fmt.Fprintf(&b, "; the journal reaches back to %s", oldest.Format(time.DateTime))
	}
	if match.at.After(oldest.Add(-clockSkew)) {
		near := journal.Query{
			KeyFrom: fmt.Sprintf("%010d", max(match.at.Add(-time.Minute).Unix(), 0)),
			KeyTo:   fmt.Sprintf("%010d", match.at.Add(time.Minute).Unix()), Limit: 3,
		}
		records, err := in.journal.Records(ctx, near)
		if err != nil {
			return err
		}
		for i, r := range records {
			if i == 0 {
				b.WriteString("; at about its time:")
			}
			b.WriteString("\n  " + r.Key)
		}
	}
	return &NotFoundError{b.String()}
}
