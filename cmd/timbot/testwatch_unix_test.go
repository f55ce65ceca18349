//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// At a terminal the screen is cleared before the tests are run again, what failed is red, and Ctrl-C is how it ends.
func TestWatchAtTerminal(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const rules = "version: 1\nrules: [{id: a, on: message.c2c, do: [reply: 九点]}]\n"
	write("a.yaml", rules)
	write("a_test.yaml", "version: 1\ntests: [{name: t, send: {from: u, text: x}, expect: [reply: 九点]}]\n")
	s := sit(t, t.TempDir(), "test", "--watch", dir)
	s.sees("ok    a  # test", "waiting for changes of # test file; Ctrl-C ends")
	write("a.yaml", strings.ReplaceAll(rules, "九", "十"))
	s.sees("# of # test failed", "waiting for changes of # test file; Ctrl-C ends")
	write("a.yaml", rules)
	s.sees("ok    a  # test", "waiting for changes of # test file; Ctrl-C ends")
	s.press("\x03")
	if code := s.leaves(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	written := string(s.written)
	if n := strings.Count(written, "\x1b[H\x1b[2J"); n < 3 {
		t.Errorf("cleared %d times", n)
	}
	for _, want := range []string{"\x1b[32mok\x1b[0m", "\x1b[31mFAIL\x1b[0m", "\x1b[31m- want  reply  text \"九点\"\x1b[0m", "\x1b[32m+ got   reply  text \"十点\"\x1b[0m"} {
		if !strings.Contains(written, want) {
			t.Errorf("no %q", want)
		}
	}
}
