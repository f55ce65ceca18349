package sqlite

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/bot/journal"
)

var kills = flag.Int("kills", 20, "how often TestKills kills a process under load")

// childVariable makes the test binary a process that writes to the journal that it names.
const childVariable = "TIMBOT_JOURNAL_TEST_CHILD"

// TestKills kills a process that writes as fast as it can from eight goroutines, again and again, at whatever moment comes.
// Everything acknowledged is there, changes are there whole, and the file passes its check.
func TestKills(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	appended, done, begun := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	take := func(line string) {
		line, whole := strings.CutSuffix(line, ".") // the last one may be cut
		what, key, ok := strings.Cut(line, " ")
		if ok && whole {
			map[string]map[string]bool{"appended": appended, "begun": begun, "done": done}[what][key] = true
		}
	}
	for round := range *kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVariable+"="+path)
		cmd.Stderr = os.Stderr
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		out := bufio.NewScanner(pipe)
		for n := 0; n < 60+17*(round%13) && out.Scan(); n++ {
			take(out.Text())
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for out.Scan() {
			take(out.Text())
		}
		cmd.Wait()
	}
	if len(appended) < 20**kills {
		t.Fatalf("%d events were acknowledged only", len(appended))
	}
	j := open(t, path)
	if problems, err := j.Check(t.Context()); err != nil || len(problems) > 0 {
		t.Errorf("check: %q, %v", problems, err)
	}
	found, err := j.Records(t.Context(), journal.Query{Limit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	state, err := j.State(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	open := 0
	for _, r := range found {
		run, isOpen, err := j.Run(t.Context(), "r"+r.Key)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := j.Steps(t.Context(), "r"+r.Key)
		if err != nil {
			t.Fatal(err)
		}
		// A change is there whole: a run with its step, a trace with the value and without the run.
		if isOpen != (string(steps["do[0]"]) == "begun") || isOpen && string(run.Data) != "run" {
			t.Errorf("event %s: run %v %q, steps %q", r.Key, isOpen, run.Data, steps)
		}
		if isOpen && r.Done || r.Done != (r.Trace.Event != "") || r.Done != (string(state[r.Key]) == "set") {
			t.Errorf("event %s: open %v, done %v, trace %+v, state %q", r.Key, isOpen, r.Done, r.Trace, state[r.Key])
		}
		if done[r.Key] && !r.Done || begun[r.Key] && !isOpen && !r.Done {
			t.Errorf("event %s: acknowledged were begun %v, done %v; it is open %v, done %v", r.Key, begun[r.Key], done[r.Key], isOpen, r.Done)
		}
		if !r.Done {
			open++
		}
		delete(appended, r.Key)
	}
	for key := range appended {
		t.Errorf("event %s was acknowledged and is not there", key)
	}
	stats, err := j.Stats(t.Context())
	if err != nil || stats.Events != len(found) || stats.Pending != open {
		t.Errorf("stats %+v, %v; want %d events, %d pending", stats, err, len(found), open)
	}
	t.Logf("%d kills, %d events, %d open", *kills, len(found), open)
}

// childMain writes from eight goroutines and says what was acknowledged, until it is killed.
func childMain(path string) error {
	ctx := context.Background()
	j, err := Open(ctx, path, Config{})
	if err != nil {
		return err
	}
	failed := make(chan error)
	for worker := range 8 {
		go func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%d/%d/%d", os.Getpid(), worker, i)
				if err := childStep(ctx, j, key, i); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

func childStep(ctx context.Context, j *Journal, key string, i int) error {
	say := func(what string) { fmt.Printf("%s %s.\n", what, key) }
	if _, err := j.Append(ctx, []journal.Event{{Key: key, Conversation: "c", Data: []byte("data")}}); err != nil {
		return err
	}
	say("appended")
	set := []journal.RuleSet{{Hash: "h", Data: []byte("text")}}
	end := &journal.Change{
		RuleSets: set, Traces: []journal.Trace{{Event: key, RuleSet: "h", Data: []byte("trace")}}, Done: []string{key},
		State: []journal.StateWrite{{Scope: "s", Key: key, Value: []byte("set")}},
	}
	if i%3 == 0 {
		end.Lazy = true
		return j.Commit(ctx, end)
	}
	if err := j.Commit(ctx, &journal.Change{
		RuleSets: set, Runs: []journal.Run{{ID: "r" + key, Event: key, RuleSet: "h", Data: []byte("run")}},
		Steps: []journal.Step{{Run: "r" + key, Key: "do[0]", Data: []byte("begun")}},
	}); err != nil {
		return err
	}
	say("begun")
	end.EndRuns = []string{"r" + key}
	if err := j.Commit(ctx, end); err != nil {
		return err
	}
	say("done")
	return nil
}
