package rulestest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

const (
	// trafficVersion is the version of the files of recorded traffic that this program writes and reads.
	trafficVersion = 1

	// maxTrafficLine bounds an event in such a file, in bytes.
	maxTrafficLine = 16 << 20
)

// TrafficHeader is the first line of a file of recorded traffic.
type TrafficHeader struct {
	Timbot    string    `json:"timbot"` // "traffic"
	Version   int       `json:"version"`
	Written   time.Time `json:"written"`
	Redacted  []string  `json:"redacted,omitzero"`  // kinds of numbers that have stars in their place
	Anonymous bool      `json:"anonymous,omitzero"` // users have pseudonyms
	NoText    bool      `json:"no_text,omitzero"`   // what was said is left out
}

// Masking is what a file of recorded traffic does not tell.
type Masking struct {
	Redact    []string // kinds of the function redact
	Anonymous bool     // users get pseudonyms, the same ones in one file; names and pictures are left out
	NoText    bool     // what was said is left out
}

// TrafficWriter writes a file of recorded traffic: JSON, one event a line, after a line that says what the file is.
type TrafficWriter struct {
	w    io.Writer
	mask Masking
	salt []byte
}

// NewTrafficWriter writes the first line. Errors: a kind that redact does not know, and those of w.
func NewTrafficWriter(w io.Writer, mask Masking, now time.Time) (*TrafficWriter, error) {
	if _, err := rules.Redact("", mask.Redact); err != nil {
		return nil, err
	}
	t := &TrafficWriter{w: w, mask: mask, salt: make([]byte, 32)}
	if _, err := rand.Read(t.salt); err != nil {
		return nil, err
	}
	return t, t.line(TrafficHeader{
		Timbot: "traffic", Version: trafficVersion, Written: now.UTC().Truncate(time.Second), Redacted: mask.Redact,
		Anonymous: mask.Anonymous, NoText: mask.NoText,
	})
}

func (t *TrafficWriter) line(v any) error {
	data, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return err
	}
	_, err = t.w.Write(append(data, '\n'))
	return err
}

// Write writes one event, masked.
func (t *TrafficWriter) Write(e *bot.Traffic) error {
	masked := *e
	m := masker{Masking: t.mask, salt: t.salt, self: e.Self, users: make(map[string]bool)}
	if m.Anonymous {
		if err := m.find(e); err != nil {
			return err
		}
		masked.Key = m.key(e.Key)
		if e.From != "" {
			masked.From = m.key(e.From)
		}
		masked.Conversation = m.id(e.Conversation)
		masked.Facts = nil
		for _, f := range e.Facts {
			f.UserName = nil
			if strings.HasPrefix(e.Conversation, "c2c_") {
				f.ChatName = nil
			}
			masked.Facts = append(masked.Facts, f)
		}
	}
	var err error
	if masked.Event, err = m.json(e.Event); err != nil {
		return fmt.Errorf("event %s: %w", e.Key, err)
	}
	masked.Answers = nil
	for _, a := range e.Answers {
		if a.Error, err = m.text(a.Error); err != nil {
			return err
		}
		if len(a.Out) > 0 {
			if a.Out, err = m.json(a.Out); err != nil {
				return fmt.Errorf("answer to %s: %w", a.Step, err)
			}
		}
		masked.Answers = append(masked.Answers, a)
	}
	return t.line(masked)
}

// masker leaves out of one event what a file does not tell.
type masker struct {
	Masking
	salt  []byte
	self  string
	users map[string]bool
}

// find learns who is in an event.
func (m *masker) find(e *bot.Traffic) error {
	events, err := e.Events()
	if err != nil {
		return err
	}
	for i := range events {
		m.user(events[i].User)
	}
	if user, ok := strings.CutPrefix(e.Conversation, "c2c_"); ok {
		m.user(user)
	}
	return m.walk(e.Event, func(key, s string) (string, error) {
		if userKey(key) {
			m.user(s)
		}
		return s, nil
	}, nil)
}

func (m *masker) user(id string) {
	if id != "" && id != m.self && id != sdkconn.MentionAll && id != sdkconn.SystemSender {
		m.users[id] = true
	}
}

// userKey reports whether a member of the SDK's JSON holds users' ids.
func userKey(key string) bool {
	return slices.ContainsFunc([]string{"_sender", "_identifier", "_user_id", "_user_array", "_op_user", "_member_array", "_user"},
		func(end string) bool { return strings.HasSuffix(key, end) })
}

// nameKey reports whether a member of the SDK's JSON holds what a person is called, or looks like.
func nameKey(key string) bool {
	return slices.ContainsFunc([]string{"nick_name", "name_card", "remark", "face_url", "signature", "birthday", "custom_info"},
		func(part string) bool { return strings.Contains(key, part) })
}

// idKey reports whether a member holds an id, in which numbers are no telephone's.
func idKey(key string) bool {
	return userKey(key) || strings.HasSuffix(key, "_id") || strings.HasSuffix(key, "_uuid") || key == "kind"
}

// saidKey reports whether a member holds what was said.
func saidKey(key string) bool {
	switch key {
	case "message_cloud_custom_str", "message_custom_str", "message_revoke_reason":
		return true
	}
	return strings.Contains(key, "_elem_") && !strings.HasPrefix(key, "group_tips_elem_") &&
		!strings.HasPrefix(key, "group_report_elem_") && !idKey(key)
}

// pseudonym is what a user is called in the file.
func (m *masker) pseudonym(user string) string {
	return "u_" + m.hash(user)[:12]
}

func (m *masker) hash(s string) string {
	h := hmac.New(sha256.New, m.salt)
	h.Write([]byte(s))
	return hex.EncodeToString(h.Sum(nil))
}

// id puts pseudonyms into an id that may have a user's in it.
func (m *masker) id(s string) string {
	if m.users[s] {
		return m.pseudonym(s)
	}
	if user, ok := strings.CutPrefix(s, "c2c_"); ok && m.users[user] {
		return "c2c_" + m.pseudonym(user)
	}
	for user := range m.users { // SENDER-TIME-RAND
		if rest, ok := strings.CutPrefix(s, user+"-"); ok {
			return m.pseudonym(user) + "-" + rest
		}
	}
	return s
}

// key is an event's key without whom it is about. Its time stays at its beginning.
func (m *masker) key(key string) string {
	at, rest, _ := strings.Cut(key, ".")
	return at + "." + m.hash(rest)[:24]
}

// mention is how people name each other in what they write.
var mention = regexp.MustCompile(`@[^\s@]+`)

// text masks what somebody wrote.
func (m *masker) text(s string) (string, error) {
	s, err := rules.Redact(s, m.Redact)
	if m.Anonymous {
		s = mention.ReplaceAllStringFunc(s, func(at string) string { return "@" + m.pseudonym(at[1:]) })
	}
	return s, err
}

// json masks all that is said in a value.
func (m *masker) json(v jsontext.Value) (jsontext.Value, error) {
	var out bytes.Buffer
	err := m.walk(v, func(key, s string) (string, error) {
		switch {
		case m.NoText && saidKey(key), m.Anonymous && nameKey(key):
			return "", nil
		case m.Anonymous && key == "from": // the event behind a signal
			return m.key(s), nil
		case m.Anonymous && (idKey(key) || m.users[s]):
			return m.id(s), nil
		case idKey(key):
			return s, nil
		}
		return m.text(s)
	}, &out)
	return bytes.TrimSpace(out.Bytes()), err
}

// walk calls f for every text in a value, with the name of the member that it stands in, and writes the value with what f
// returns.
func (m *masker) walk(v jsontext.Value, f func(key, s string) (string, error), w io.Writer) error {
	if w == nil {
		w = io.Discard
	}
	dec := jsontext.NewDecoder(bytes.NewReader(v), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	enc := jsontext.NewEncoder(w, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	for {
		tok, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if tok.Kind() == '"' {
			if kind, n := dec.StackIndex(dec.StackDepth()); kind != '{' || n%2 == 0 { // no member's name
				s, err := f(memberOf(string(dec.StackPointer())), tok.String())
				if err != nil {
					return err
				}
				tok = jsontext.String(s)
			}
		}
		if err := enc.WriteToken(tok); err != nil {
			return err
		}
	}
}

// memberOf is the innermost name in a pointer that is no place in a list.
func memberOf(pointer string) string {
	parts := strings.Split(pointer, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		if strings.Trim(parts[i], "0123456789") != "" {
			return parts[i]
		}
	}
	return ""
}

// ReadTraffic reads a file of recorded traffic. name is for errors. Errors: those of r, and a line that is no event, with
// its number.
func ReadTraffic(r io.Reader, name string) (*TrafficHeader, []*bot.Traffic, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxTrafficLine)
	fail := func(n int, format string, args ...any) error {
		return fmt.Errorf("%s:%d: "+format, append([]any{name, n}, args...)...)
	}
	if !lines.Scan() {
		if err := lines.Err(); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		return nil, nil, fmt.Errorf("%s is empty: it is no file of recorded traffic (timbot record writes one)", name)
	}
	var h TrafficHeader
	switch err := json.Unmarshal(lines.Bytes(), &h); {
	case err != nil || h.Timbot != "traffic":
		return nil, nil, fail(1, "this is no file of recorded traffic: timbot record writes one")
	case h.Version != trafficVersion:
		return nil, nil, fail(1, "the file has version %d, this timbot reads %d", h.Version, trafficVersion)
	}
	var out []*bot.Traffic
	for n := 2; lines.Scan(); n++ {
		t := new(bot.Traffic)
		if err := json.Unmarshal(lines.Bytes(), t); err != nil {
			return nil, nil, fail(n, "no event: %w", err)
		}
		if _, err := t.Events(); err != nil {
			return nil, nil, fail(n, "%w", err)
		}
		out = append(out, t)
	}
	if err := lines.Err(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	SortTraffic(out)
	return &h, out, nil
}

// MaxTraffic is how many events a replay takes unless it is told, the newest.
const MaxTraffic = 200_000

// JournalTraffic reads the events of a journal since then, the newest limit of them, in their order; cut says that there are
// more.
func JournalTraffic(
	ctx context.Context, in *bot.Inspector, since time.Time, limit int,
) (list []*bot.Traffic, cut bool, err error) {
	err = in.Traffic(ctx, since, limit+1, func(t *bot.Traffic) error {
		list = append(list, t)
		return nil
	})
	if len(list) > limit {
		list, cut = list[:limit], true
	}
	slices.Reverse(list) // of the same moment the one that came first is first
	SortTraffic(list)
	return list, cut, err
}
