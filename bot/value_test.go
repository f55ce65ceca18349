package bot

import (
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestValuesSurviveTheJournal(t *testing.T) {
	leaf := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), toAny), rapid.Map(rapid.String(), toAny),
		rapid.Map(rapid.Int64(), toAny), rapid.Map(rapid.Uint64Min(math.MaxInt64+1), toAny),
		rapid.Map(rapid.Float64Range(-1e300, 1e300).Filter(func(f float64) bool { return f != math.Trunc(f) }), toAny),
		rapid.Map(rapid.Int64(), func(n int64) any { return time.Duration(n) }),
		rapid.Map(rapid.Int64Range(0, 1<<33), func(n int64) any { return time.Unix(n, 5).UTC() }),
		rapid.Map(rapid.Uint64(), func(n uint64) any { return sdkconn.Locator{Seq: n, Rand: n / 2, Time: 7, IsSelf: n%2 == 0} }),
		rapid.Map(rapid.String(), func(s string) any {
			return &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: s}}, ReceiptUnreadCount: -1, UniqueID: math.MaxUint64}
		}),
	)
	value := rapid.Deferred(func() *rapid.Generator[any] {
		return rapid.OneOf(leaf,
			rapid.Map(rapid.SliceOfN(leaf, 0, 4), func(s []any) any { return s }),
			rapid.Map(rapid.MapOfN(rapid.StringMatching(`[a-z]{1,5}`), leaf, 0, 4), func(m map[string]any) any { return m }))
	})
	rapid.Check(t, func(t *rapid.T) {
		want := value.Draw(t, "value")
		data, err := encodeValue(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeValue(data)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%#v came back as %#v (%s)", want, got, data)
		}
	})
}

func toAny[T any](v T) any { return v }

func TestWhatLooksLikeATagIsNone(t *testing.T) {
	// A chat text or a user's own map may hold the words that mark values in the journal.
	for _, want := range []any{
		map[string]any{"$time": "not a time"}, map[string]any{"$message": "x"}, map[string]any{"$duration": int64(5)},
		map[string]any{"$locator": nil}, map[string]any{"$$time": "a"},
	} {
		data, err := encodeValue(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeValue(data)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%#v came back as %#v, %v (%s)", want, got, err, data)
		}
	}
}

func TestStepKeysSortByItems(t *testing.T) {
	for _, pair := range [][2]string{{"do[0]#2", "do[0]#10"}, {"do[0]#1#9", "do[0]#2#0"}, {"do[0]", "do[0]#0"}, {"do[0]#9", "do[1]#0"}} {
		if compareStepKeys(pair[0], pair[1]) >= 0 || compareStepKeys(pair[1], pair[0]) <= 0 {
			t.Errorf("%s must come before %s", pair[0], pair[1])
		}
	}
}

func FuzzDecodeValue(f *testing.F) {
	f.Add([]byte(`{"$message":{"message_elem_array":[]}}`))
	f.Add([]byte(`[1,18446744073709551615,1e400,{"$time":"x"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := decodeValue(data)
		if err != nil {
			return
		}
		if _, err := encodeValue(v); err != nil {
			t.Errorf("%s decodes to %#v, which cannot be written: %v", data, v, err)
		}
	})
}
