package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"timbot": main, "shop": shop})
}

// examples is the folder of the bots that users start from.
var examples = filepath.Join("..", "..", "examples", "bots")

func params(t *testing.T) testscript.Params {
	t.Helper()
	bots, err := filepath.Abs(examples)
	if err != nil {
		t.Fatal(err)
	}
	return testscript.Params{
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			env.Setenv("LC_ALL", "C.UTF-8")
			env.Setenv("GORACE", "atexit_sleep_ms=20") // every command would sleep for a second at its end
			return os.CopyFS(filepath.Join(env.WorkDir, "examples", "bots"), visible{os.DirFS(bots)})
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":    cmdExits,
			"waitline": cmdWaitline,
			"signal":   cmdSignal,
			"lines":    cmdLines,
			"fetch":    cmdFetch,
			"post":     cmdPost,
		},
	}
}

func TestScript(t *testing.T) {
	p := params(t)
	p.Dir = filepath.Join("testdata", "script")
	testscript.Run(t, p)
}

// TestExampleReadmes runs every console block of the examples' READMEs and of docs/inside.md: what a line with $ says must
// print what follows.
func TestExampleReadmes(t *testing.T) {
	readmes, err := filepath.Glob(filepath.Join(examples, "*", "README.md"))
	if err != nil || len(readmes) < 4 {
		t.Fatalf("%d READMEs, %v", len(readmes), err)
	}
	readmes = append(readmes, filepath.Join("..", "..", "docs", "inside.md"))
	scripts := t.TempDir()
	p := params(t)
	for _, readme := range readmes {
		text, err := os.ReadFile(readme)
		if err != nil {
			t.Fatal(err)
		}
		script := consoleScript(string(text))
		if script == "" {
			t.Errorf("%s shows no command", readme)
			continue
		}
		file := filepath.Join(scripts, filepath.Base(filepath.Dir(readme))+"-"+filepath.Base(readme)+".txtar")
		if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
			t.Fatal(err)
		}
		p.Files = append(p.Files, file)
	}
	testscript.Run(t, p)
}

// consoleScript makes a script of a README's console blocks.
func consoleScript(readme string) string {
	var steps, files strings.Builder
	n := 0
	for _, block := range strings.Split(readme, "```console\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for _, part := range strings.Split("\n"+block, "\n$ ")[1:] {
			n++
			command, output, _ := strings.Cut(part, "\n")
			if output != "" && !strings.HasSuffix(output, "\n") {
				output += "\n"
			}
			fmt.Fprintf(&steps, "exec sh -e want%d.sh\nlines want%d.txt\n", n, n)
			fmt.Fprintf(&files, "-- want%d.sh --\n%s\n-- want%d.txt --\n%s", n, command, n, output)
		}
	}
	if n == 0 {
		return ""
	}
	return steps.String() + files.String()
}

// changing is what is another each time: moments, durations behind ok, sizes, and ids at the end of a line.
var changing = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\bok  [0-9.]+(µ|m)?s|[0-9.]+ [KM]B|\b\d{8,}$`)

// cmdLines compares standard output with a file, in which a * stands for anything without spaces, but for what changes.
func cmdLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lines FILE")
	}
	want := strings.Split(ts.ReadFile(args[0]), "\n")
	got := strings.Split(ts.ReadFile("stdout"), "\n")
	ok := slices.EqualFunc(want, got, func(want, got string) bool {
		want, got = changing.ReplaceAllString(want, "~"), changing.ReplaceAllString(got, "~")
		pattern := strings.ReplaceAll(regexp.QuoteMeta(want), `=\*`, `=\S*`)
		return regexp.MustCompile("^" + pattern + "$").MatchString(got)
	})
	if !ok {
		ts.Fatalf("want\n%s\ngot\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
	}
}

// cmdExits runs a command that must end with this exit code.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var failed *exec.ExitError
		if !errors.As(err, &failed) {
			ts.Fatalf("%v", err)
		}
		got = failed.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// cmdWaitline waits until a file has a line that matches.
func cmdWaitline(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitline FILE PATTERN")
	}
	file, pattern := ts.MkAbs(args[0]), regexp.MustCompile("(?m)"+args[1])
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	watcher, err := fsnotify.NewWatcher()
	ts.Check(err)
	defer watcher.Close()
	ts.Check(watcher.Add(filepath.Dir(file)))
	for {
		if text, err := os.ReadFile(file); err == nil && pattern.Match(text) {
			return
		}
		select {
		case <-watcher.Events:
		case err := <-watcher.Errors:
			ts.Fatalf("%v", err)
		case <-ctx.Done():
			text, _ := os.ReadFile(file)
			ts.Fatalf("no line %q in %s:\n%s", args[1], args[0], text)
		}
	}
}

// cmdFetch asks the listener whose address is in a log: fetch LOG PATH STATUS FILE [TOKEN] writes what it answers to FILE.
func cmdFetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: fetch LOG PATH STATUS FILE [TOKEN]")
	}
	addr := regexp.MustCompile(`addr=(\S+)`).FindStringSubmatch(ts.ReadFile(args[0]))
	if addr == nil {
		ts.Fatalf("no address in %s", args[0])
	}
	req, err := http.NewRequest(http.MethodGet, "http://"+addr[1]+args[1], nil)
	ts.Check(err)
	if len(args) > 4 {
		req.Header.Set("Authorization", "Bearer "+args[4])
	}
	answer(ts, req, args[2], args[3])
}

// answer writes what is answered to a request to a file; its status must be this one.
func answer(ts *testscript.TestScript, req *http.Request, status, file string) {
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(file), body, 0o600))
	if got := strconv.Itoa(res.StatusCode); got != status {
		ts.Fatalf("status %s, want %s: %s", got, status, body)
	}
}

// cmdPost calls a webhook: post LOG PATH STATUS FILE BODY [NAME=VALUE...] sends the file BODY with headers and writes the answer
// to FILE. sign=SECRET signs the body as GitHub does.
func cmdPost(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 5 {
		ts.Fatalf("usage: post LOG PATH STATUS FILE BODY [NAME=VALUE...]")
	}
	addr := regexp.MustCompile(`for webhooks" addr=(\S+)`).FindStringSubmatch(ts.ReadFile(args[0]))
	if addr == nil {
		ts.Fatalf("no address in %s", args[0])
	}
	body := ts.ReadFile(args[4])
	req, err := http.NewRequest(http.MethodPost, "http://"+addr[1]+args[1], strings.NewReader(body))
	ts.Check(err)
	for _, h := range args[5:] {
		name, value, _ := strings.Cut(h, "=")
		if name == "sign" {
			mac := hmac.New(sha256.New, []byte(value))
			mac.Write([]byte(body))
			name, value = "X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil))
		}
		req.Header.Set(name, value)
	}
	answer(ts, req, args[2], args[3])
}

// cmdSignal sends a signal to the commands in the background.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP}
	if neg || len(args) != 1 || signals[args[0]] == nil {
		ts.Fatalf("usage: signal TERM|INT|HUP")
	}
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(signals[args[0]]))
	}
}
