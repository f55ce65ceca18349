package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/bot/journal/journaltest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		fmt.Fprintln(os.Stderr, "child:", childMain(path))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, path string) *Journal {
	t.Helper()
	j, err := Open(t.Context(), path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return j
}

func TestSuite(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) journal.Journal { return open(t, filepath.Join(t.TempDir(), "journal.db")) })
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	journaltest.Reopen(t, open(t, path), func(j journal.Journal) journal.Journal {
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		return open(t, path)
	})
}
