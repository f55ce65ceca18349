package host

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/plugins/wire"
)

// The benchmarks measure a call of an action, of 500 bytes in and 200 out, against a bare unary call of go-plugin with AutoMTLS in
// the same run: "p50-ratio" (want at most 1.25) and "rate-ratio" (want at least 0.8) are what counts.

const bareVariable = "TIMBOT_TEST_BARE"

var bareHandshake = plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: bareVariable, MagicCookieValue: "1"}

// barePlugin is the same service under go-plugin's own hands.
type barePlugin struct {
	plugin.NetRPCUnsupportedPlugin
	wire.UnimplementedPluginServer
}

func (barePlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	wire.RegisterPluginServer(s, barePlugin{})
	return nil
}

func (barePlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return wire.NewPluginClient(conn), nil
}

var bareOutput = []byte(strings.Repeat("x", 200))

func (barePlugin) Call(context.Context, *wire.CallRequest) (*wire.CallReply, error) {
	return &wire.CallReply{Result: &wire.CallReply_Output{Output: bareOutput}}, nil
}

func beBare() {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: bareHandshake, Plugins: plugin.PluginSet{"bare": barePlugin{}}, GRPCServer: plugin.DefaultGRPCServer,
		Logger: hclog.NewNullLogger(),
	})
}

// contestants are a bare call and a call of the host's.
func contestants(b *testing.B) (bare, own func()) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	c := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: bareHandshake, Plugins: plugin.PluginSet{"bare": barePlugin{}}, Cmd: exec.Command(self), AutoMTLS: true,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, Logger: hclog.NewNullLogger(),
	})
	b.Cleanup(c.Kill)
	protocol, err := c.Client()
	if err != nil {
		b.Fatal(err)
	}
	service, err := protocol.Dispense("bare")
	if err != nil {
		b.Fatal(err)
	}
	client := service.(wire.PluginClient)
	ctx, input := b.Context(), []byte(strings.Repeat("x", 500))
	h := newTestHost(b, nil, aPlugin(b, "shop", "good"))
	h.works("shop")
	echo, _ := h.Lookup("shop.echo")
	args := map[string]any{"text": strings.Repeat("x", 100), "any": strings.Repeat("y", 380)}
	call := &actions.Call{EffectID: "0123456789abcdef0123456789abcdef", Rule: "order", Step: "found", User: "alice"}
	return func() {
			if _, err := client.Call(ctx, &wire.CallRequest{Action: "echo", Input: input}); err != nil {
				b.Error(err)
			}
		}, func() {
			step, cancel := context.WithCancel(ctx)
			defer cancel()
			if _, err := echo.Run(step, call, args); err != nil {
				b.Error(err)
			}
		}
}

func BenchmarkCall(b *testing.B) {
	bare, own := contestants(b)
	took := [2][]time.Duration{}
	for range 500 {
		bare()
		own()
	}
	for b.Loop() {
		for i, f := range []func(){bare, own} {
			began := time.Now()
			f()
			took[i] = append(took[i], time.Since(began))
		}
	}
	p50 := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)/2])
	}
	b.ReportMetric(p50(took[0]), "bare-p50-ns")
	b.ReportMetric(p50(took[1]), "p50-ns")
	b.ReportMetric(p50(took[1])/p50(took[0]), "p50-ratio")
}

func BenchmarkCalls64(b *testing.B) {
	bare, own := contestants(b)
	const calls = 2000
	round := func(f func()) time.Duration {
		began := time.Now()
		var working sync.WaitGroup
		for range 64 {
			working.Go(func() {
				for range calls / 64 {
					f()
				}
			})
		}
		working.Wait()
		return time.Since(began)
	}
	round(bare)
	round(own)
	var took [2]time.Duration
	n := 0
	for b.Loop() {
		took[0] += round(bare)
		took[1] += round(own)
		n += calls / 64 * 64
	}
	b.ReportMetric(float64(n)/took[0].Seconds(), "bare-calls/s")
	b.ReportMetric(float64(n)/took[1].Seconds(), "calls/s")
	b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "rate-ratio")
}
