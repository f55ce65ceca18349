package sdkconn_test

import (
	"encoding/json"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

// BenchmarkUnmarshalMessage reads a callback of 523 bytes with one C2C message; reference reads it with encoding/json
// into a map, tolerated has one member of a wrong type.
func BenchmarkUnmarshalMessage(b *testing.B) {
	data := read(b, "callback_c2c")
	b.Run("typed", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			var msgs []*sdkconn.Message
			if err := sdkconn.Unmarshal(data, &msgs); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("tolerated", func(b *testing.B) {
		wrong := append(append([]byte{}, data[:len(data)-2]...), `,"message_version":"x"}]`...)
		b.SetBytes(int64(len(wrong)))
		b.ReportAllocs()
		for b.Loop() {
			var msgs []*sdkconn.Message
			if err := sdkconn.Unmarshal(wrong, &msgs); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("reference", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			var msgs []map[string]any
			if err := json.Unmarshal(data, &msgs); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkMarshalMessage(b *testing.B) {
	var msgs []*sdkconn.Message
	if err := sdkconn.Unmarshal(read(b, "callback_c2c"), &msgs); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sdkconn.Marshal(msgs[0]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEventKey(b *testing.B) {
	var msgs []*sdkconn.Message
	if err := sdkconn.Unmarshal(read(b, "callback_c2c"), &msgs); err != nil {
		b.Fatal(err)
	}
	e := sdkconn.Event{Kind: sdkconn.EventNewMsg, Message: msgs[0]}
	b.ReportAllocs()
	for b.Loop() {
		_ = e.Key()
	}
}
