package local

import (
	"slices"
	"testing"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// BenchmarkSendWhileAnotherCommits measures one process's sends while another one commits without pause. The budget is a
// p99 of 20 ms. Beside it is the same with nobody else there.
func BenchmarkSendWhileAnotherCommits(b *testing.B) {
	path := startChat(b)
	chat := open(b, path, Config{})
	bob := login(b, chat, "bob")
	if err := chat.AddUser(b.Context(), "alice", ""); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"alone", "beside"} {
		b.Run(name, func(b *testing.B) {
			if name == "beside" {
				cmd, out := child(b, "forever", path)
				out.Scan() // it is at work
				drained := make(chan struct{})
				go func() {
					defer close(drained)
					for out.Scan() {
					}
				}()
				defer func() {
					cmd.Process.Kill()
					<-drained
					cmd.Wait()
				}()
			}
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				send(b, bob, sdkconn.C2C("alice"), "x")
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			at := func(part float64) float64 {
				return float64(took[min(len(took)-1, int(part*float64(len(took))))].Microseconds()) / 1000
			}
			b.ReportMetric(at(0.5), "p50-ms")
			b.ReportMetric(at(0.99), "p99-ms")
			b.ReportMetric(at(1), "max-ms")
		})
	}
}
