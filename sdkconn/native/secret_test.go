//go:build !nonative

package native

import (
	"path/filepath"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// TestUserSigsThatTheServiceVerifies has the signatures of this driver verified by our own library.
func TestUserSigsThatTheServiceVerifies(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	good := address(t, "alice", data)
	chat, err := local.Open(t.Context(), filepath.Join(data, "chat.db"), local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer chat.Close()
	refused := func(code sdkconn.Code) {
		t.Helper()
		conn, err := sdkconn.Open(t.Context(), good, sdkconn.Config{})
		if sdkconn.CodeOf(err) != code {
			t.Errorf("got %v, want %d", err, code)
		}
		if err == nil {
			conn.Close()
		}
	}
	if err := chat.SetSecret(t.Context(), 1400000000, "another"); err != nil {
		t.Fatal(err)
	}
	refused(sdkconn.CodeSvrUserSigMismatchKey)
	if err := chat.SetSecret(t.Context(), 7, "0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	refused(sdkconn.CodeSvrSDKAppIDNotFound)
	if err := chat.SetSecret(t.Context(), 1400000000, "0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	conn, err := sdkconn.Open(t.Context(), good, sdkconn.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}
