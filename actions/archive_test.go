package actions

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// shelf is an archive that notes what it is given.
type shelf struct {
	got []ArchiveRecord
	err error
}

func (s *shelf) Put(_ context.Context, r ArchiveRecord) error {
	s.got = append(s.got, r)
	return s.err
}

func TestArchive(t *testing.T) {
	c, s := newCall(t, nil), new(shelf)
	c.Archive = s
	at := c.Clock.Now()
	msg := theMessage()
	res, err := Keep.Run(t.Context(), c, args{
		"to": "support_chats", "key": "k", "retain": 180 * 24 * time.Hour, "record": args{
			"text": "hi", "n": 1, "f": 1.5, "b": true, "none": nil, "at": time.Unix(1_700_000_000, 0).UTC(), "for": time.Minute,
			"list": []any{"a", args{"x": int64(2)}}, "words": []string{"w"}, "msg": msg, "where": msg.Locator(),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := res.Values()["archive"]; got != "support_chats" {
		t.Errorf("out is %v", res.Values())
	}
	r := s.got[0]
	if m, ok := r.Record["msg"].(map[string]any); !ok || m["message_elem_array"] == nil {
		t.Errorf("the message is kept as %v", r.Record["msg"])
	}
	if l, ok := r.Record["where"].(map[string]any); !ok || len(l) == 0 {
		t.Errorf("the locator is kept as %v", r.Record["where"])
	}
	delete(r.Record, "msg")
	delete(r.Record, "where")
	want := ArchiveRecord{
		Archive: "support_chats", Key: "k", Effect: "e1", At: at, Expire: at.Add(180 * 24 * time.Hour), Event: c.Event.Key(), Rule: "r",
		Record: args{
			"text": "hi", "n": 1, "f": 1.5, "b": true, "none": nil, "at": "2023-11-14T22:13:20Z", "for": "1m0s",
			"list": []any{"a", args{"x": int64(2)}}, "words": []any{"w"},
		},
	}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got\n%+v\nwant\n%+v", r, want)
	}

	if _, err := Keep.Run(t.Context(), c, args{"to": "a", "key": "k", "op": "tombstone", "record": args{"text": "x"}}); err != nil {
		t.Fatal(err)
	}
	if r := s.got[1]; !r.Tombstone || r.Record != nil || r.Key != "k" || !r.Expire.IsZero() {
		t.Errorf("%+v", r)
	}
}

func TestArchiveRefuses(t *testing.T) {
	deep := args{}
	for range 40 {
		deep = args{"x": deep}
	}
	for _, tt := range []struct {
		in   args
		says string
	}{
		{args{"record": args{}}, "to: is missing"},
		{args{"to": "Support", "record": args{}}, `to: "Support" is no name for an archive`},
		{args{"to": "a/b", "record": args{}}, "lower_snake_case"},
		{args{"to": strings.Repeat("a", 65), "record": args{}}, "at most 64"},
		{args{"to": "a"}, "record: is missing"},
		{args{"to": "a", "record": "text"}, "record: want a mapping"},
		{args{"to": "a", "op": "tombstone"}, "key: is missing"},
		{args{"to": "a", "op": "tombston", "key": "k"}, "did you mean tombstone?"},
		{args{"to": "a", "key": "", "record": args{}}, "key: is empty"},
		{args{"to": "a", "key": "\xff", "record": args{}}, "not valid UTF-8"},
		{args{"to": "a", "key": strings.Repeat("k", 2000), "record": args{}}, "2000 bytes"},
		{args{"to": "a", "retain": -time.Second, "record": args{}}, "retain: -1s is no time"},
		{args{"to": "a", "record": args{"n": math.NaN()}}, "record.n: NaN is no number"},
		{args{"to": "a", "record": args{"l": []any{1.0, math.Inf(1)}}}, "record.l[1]: +Inf is no number"},
		{args{"to": "a", "record": args{"f": func() {}}}, "record.f: "},
		{args{"to": "a", "record": deep}, "deeper than 32"},
		{args{"to": "a", "record": args{"t": strings.Repeat("x", 2<<20)}}, "larger than 1048576 bytes"},
	} {
		c, s := newCall(t, nil), new(shelf)
		c.Archive = s
		_, err := Keep.Run(t.Context(), c, tt.in)
		var input *InputError
		if !errors.As(err, &input) || !strings.Contains(err.Error(), tt.says) || len(s.got) > 0 {
			t.Errorf("%.80v: %v, want %q", tt.in, err, tt.says)
		}
	}
}

// A failing archive is worth another try, and keeps its error.
func TestArchiveFails(t *testing.T) {
	full := errors.New("the disk is full")
	c := newCall(t, nil)
	if _, err := Keep.Run(t.Context(), c, args{"to": "a", "record": args{}}); err == nil || !strings.Contains(err.Error(), "no place") {
		t.Error(err)
	}
	c.Archive = &shelf{err: full}
	_, err := Keep.Run(t.Context(), c, args{"to": "a", "record": args{}})
	if _, again := RetryAfter(err); !again || !errors.Is(err, full) || sdkconn.EffectUnknown(err) {
		t.Error(err)
	}
}
