package local_test

import (
	"context"
	"testing"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/conntest"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// service is an empty chat at path, with a clock of its own.
func service(t testing.TB, path string) *conntest.Service {
	clock := clockwork.NewFakeClock()
	chat, err := local.Open(t.Context(), path, local.Config{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chat.Close(); err != nil {
			t.Error(err)
		}
	})
	return &conntest.Service{
		Login:   func(ctx context.Context, user string) (sdkconn.Conn, error) { return chat.Login(ctx, user) },
		AddUser: func(ctx context.Context, user string) error { return chat.AddUser(ctx, user, "") },
		Now:     clock.Now,
		Advance: clock.Advance,
	}
}

func TestConn(t *testing.T) {
	conntest.Run(t, func(t testing.TB) *conntest.Service { return service(t, t.TempDir()+"/chat.db") }, conntest.Features{})
}

func TestConnInMemory(t *testing.T) {
	conntest.Run(t, func(t testing.TB) *conntest.Service { return service(t, local.Memory) }, conntest.Features{})
}
