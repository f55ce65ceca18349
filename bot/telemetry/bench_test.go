package telemetry_test

import (
	"testing"
	"time"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/telemetry"
)

// BenchmarkEvent is what the metrics of one event with one rule of one step cost.
func BenchmarkEvent(b *testing.B) {
	tel, err := telemetry.New(b.Context(), telemetry.Config{Version: "v1"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			tel.EventStored("new_msg", false, true)
			tel.EventDecided("message.c2c", bot.DecidedFired, 40*time.Microsecond)
			tel.StepDone("hello.zh", "reply", "", 3*time.Millisecond)
			tel.RunEnded("hello.zh", "done", 4*time.Millisecond)
		}
	})
}
