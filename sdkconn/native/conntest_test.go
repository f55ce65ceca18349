//go:build !nonative

package native

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/conntest"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// features are those of any library: its clock is its own, nobody knows what its service still has to tell, it does not say
// what it tells late, and it sends an effect again.
var features = conntest.Features{NoClock: true, NoIdle: true, NoCaughtUp: true, NoEffects: true}

// inChildren are the topics of TestConnInChildren, all of them when it is empty. Under the race detector a login in a child is
// a quarter of a second of one core, most of it the start of an instrumented program, and the suite has more than 200 of them:
// TestConnInside takes the whole suite through the same Conn there, and the children those topics where a process in between
// makes a difference: what is told and when, ends of a login, files, long texts, bytes that are no text, errors.
func inChildren() []string {
	if !raceDetector {
		return nil
	}
	return []string{"batch", "download", "errors", "events", "faults", "life", "receipt", "revoke", "upload"}
}

// TestConnInChildren has alice in a child and bob in this process, or the other way round, from check to check.
func TestConnInChildren(t *testing.T) {
	t.Parallel()
	n := 0
	conntest.Run(t, func(t testing.TB) *conntest.Service {
		n++
		tested := []string{"alice", "bob"}[n%2]
		if strings.HasSuffix(t.Name(), "/abilities") { // looks at alice's
			tested = "alice"
		}
		return service(t, tested, func(ctx context.Context, data, user string) (sdkconn.Conn, error) {
			return sdkconn.Open(ctx, address(t, user, data), sdkconn.Config{})
		})
	}, features, inChildren()...)
}

// TestConnInside has alice's library in this process, which the SDK allows one user; her other login is in a child.
func TestConnInside(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	conntest.Run(t, func(t testing.TB) *conntest.Service {
		return service(t, "alice", func(ctx context.Context, data, user string) (sdkconn.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			if insideTaken.Load() {
				return sdkconn.Open(ctx, address(t, user, data), sdkconn.Config{})
			}
			return sdkconn.Open(ctx, address(t, user, data, "isolate", "off"), sdkconn.Config{})
		})
	}, features)
}

// service is a chat in a file that all processes share. One user has the connection that is tested; the others are logged in to
// the file directly, which saves processes.
func service(t testing.TB, tested string, login func(ctx context.Context, data, user string) (sdkconn.Conn, error)) *conntest.Service {
	data := t.TempDir()
	chat, err := local.Open(t.Context(), filepath.Join(data, "chat.db"), local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chat.Close(); err != nil {
			t.Error(err)
		}
	})
	return &conntest.Service{
		Login: func(ctx context.Context, user string) (sdkconn.Conn, error) {
			if user == tested {
				return login(ctx, data, user)
			}
			return chat.Login(ctx, user)
		},
		AddUser: func(ctx context.Context, user string) error { return chat.AddUser(ctx, user, "") },
	}
}
