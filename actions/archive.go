package actions

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/timbot-go/timbot/sdkconn"
)

// The bounds of a record.
const (
	maxRecordBytes = 1 << 20 // as JSON
	maxRecordDepth = 32
	maxKeyBytes    = 1 << 10
)

// What an archive step does with a record.
const (
	opUpsert    = "upsert"
	opTombstone = "tombstone"
)

type archiveIn struct {
	To     string         `arg:"to,required" doc:"The archive, in lower_snake_case; it is there with its first record."`
	Key    *string        `arg:"key" doc:"What the record is about: a later record with the same key takes its place."`
	Op     string         `arg:"op" enum:"upsert,tombstone" doc:"upsert (unless given) writes; tombstone leaves a mark in place of the key's record."`
	Record map[string]any `arg:"record" doc:"What to keep, by name; needed unless op is tombstone, which keeps none of it."`
	Retain *time.Duration `arg:"retain" doc:"After which time the record goes; never unless given."`
}

type archiveOut struct {
	Archive string `arg:"archive" doc:"The archive that was written to."`
}

// Keep writes a record into one of the bot's archives.
var Keep = New(Spec{
	Name: "archive",
	Doc: "Keeps a record in one of the bot's own archives, which `timbot archive` lists, searches and exports. Nobody " +
		"in the chat sees it.",
	Example: "archive: {to: support_chats, key: '${{ msg.id }}', record: {text: '${{ msg.text }}'}, retain: 180d}",
	Settle:  SettleRepeat, // a record is known by the effect's id
}, func(ctx context.Context, call *Call, args archiveIn) (archiveOut, error) {
	r, err := args.record(call)
	if err != nil {
		return archiveOut{}, err
	}
	if call.Archive == nil {
		return archiveOut{}, errors.New("this bot has no place for archives")
	}
	if err := call.Archive.Put(ctx, r); err != nil {
		return archiveOut{}, Retry(fmt.Errorf("keep a record in %s: %w", r.Archive, err), 0)
	}
	return archiveOut{Archive: r.Archive}, nil
})

var archiveName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// record checks the inputs and makes the record of them.
func (in *archiveIn) record(call *Call) (ArchiveRecord, error) {
	r := ArchiveRecord{
		Archive: in.To, Effect: call.EffectID, At: call.Clock.Now(), Rule: call.Rule, Tombstone: in.Op == opTombstone,
	}
	if call.Event != nil {
		r.Event = call.Event.Key()
	}
	if !archiveName.MatchString(in.To) {
		return r, inputErrorf("to", "%q is no name for an archive: want lower_snake_case, at most 64 letters", in.To)
	}
	if in.Key != nil {
		r.Key = *in.Key
		switch {
		case r.Key == "":
			return r, inputErrorf("key", "is empty: leave it out for a record that nothing replaces")
		case len(r.Key) > maxKeyBytes:
			return r, inputErrorf("key", "has %d bytes: at most %d are possible", len(r.Key), maxKeyBytes)
		case !utf8.ValidString(r.Key):
			return r, inputErrorf("key", "is no text: it is not valid UTF-8")
		}
	}
	if in.Retain != nil {
		if *in.Retain <= 0 {
			return r, inputErrorf("retain", "%s is no time to keep something: want for instance 180d", *in.Retain)
		}
		r.Expire = r.At.Add(*in.Retain)
	}
	if r.Tombstone {
		if in.Key == nil {
			return r, inputErrorf("key", "is missing: a tombstone needs the key of what it stands for")
		}
		return r, nil
	}
	if in.Record == nil {
		return r, inputErrorf("record", "is missing: want a mapping of what to keep")
	}
	size := 0
	plain, err := plainRecord("record", in.Record, 0, &size)
	if err != nil {
		return r, err
	}
	r.Record = plain.(map[string]any)
	return r, nil
}

// plainRecord is a value as a record keeps it: what JSON has a form for, and nothing that its source may still change. size
// counts roughly the bytes of it.
func plainRecord(path string, v any, depth int, size *int) (any, error) {
	if depth > maxRecordDepth {
		return nil, inputErrorf(path, "lies deeper than %d levels", maxRecordDepth)
	}
	*size += 8
	if s, ok := v.(string); ok {
		*size += len(s)
	}
	if *size > maxRecordBytes {
		return nil, inputErrorf(path, "the record is larger than %d bytes up to here", maxRecordBytes)
	}
	switch v := v.(type) {
	case nil, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return v, nil
	case float32:
		return plainRecord(path, float64(v), depth, size)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, inputErrorf(path, "%v is no number that can be kept", v)
		}
		return v, nil
	case string:
		return validText(v), nil
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	case time.Duration:
		return v.String(), nil
	case *sdkconn.Message:
		if v == nil {
			return nil, nil
		}
		return plainJSON(path, v, depth, size)
	case sdkconn.Locator:
		return plainJSON(path, v, depth, size)
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return plainRecord(path, list, depth, size)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			var err error
			if out[i], err = plainRecord(fmt.Sprintf("%s[%d]", path, i), x, depth+1, size); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			*size += len(name)
			x, err := plainRecord(path+"."+name, v[name], depth+1, size)
			if err != nil {
				return nil, err
			}
			out[validText(name)] = x
		}
		return out, nil
	}
	return nil, inputErrorf(path, "%s of this kind cannot be kept: want text, numbers, times, messages, and lists and mappings of them",
		valueName(v))
}

// plainJSON is a value of the SDK's by its JSON.
func plainJSON(path string, v any, depth int, size *int) (any, error) {
	data, err := sdkconn.Marshal(v)
	if err != nil {
		return nil, &InputError{Input: path, Text: "cannot be kept", Err: err}
	}
	var out any
	if err := sdkconn.Unmarshal(data, &out); err != nil {
		return nil, &InputError{Input: path, Text: "cannot be kept", Err: err}
	}
	return plainRecord(path, out, depth, size)
}

// validText replaces what is not UTF-8, as JSON would.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}
