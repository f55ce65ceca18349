//go:build cgo && linux

package main

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/libimsdk/tencent"
	"github.com/timbot-go/timbot/sdkconn/local"
	"github.com/timbot-go/timbot/sdkconn/usersig"
)

// The tests build the library, compile the programs in testdata/c with Tencent's headers, and run them: with the library and
// a login, without a login, and, where Tencent's library can answer that, with it too, where there is no network.

var update = flag.Bool("update", false, "write what the programs say to testdata/expect")

// built is what all tests share. It is built once, in a folder that TestMain removes.
var built struct {
	dir  string
	sdk  func() (tencent.Dir, error)
	ours func() (string, error) // folder of our libImSDK.so

}

func TestMain(m *testing.M) {
	if missing != "" {
		onlyTools()
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "libimsdk")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built.dir = dir
	built.sdk = sync.OnceValues(tencent.Fetch)
	built.ours = sync.OnceValues(func() (string, error) {
		cmd := exec.Command("go", append(buildArgs(), "-o", filepath.Join(dir, "libImSDK.so"), ".")...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%v: %w: %s", cmd, err, out)
		}
		return dir, nil
	})
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// buildArgs are those of the command that the package's doc and the docs tell, without its output and its package.
func buildArgs() []string {
	return []string{"build", "-buildmode=c-shared", "-ldflags", "-extldflags=-Wl,-soname,libImSDK.so"}
}

func TestTheBuildThatIsToldIsTheOneThatIsTested(t *testing.T) {
	command := "go " + strings.Join(buildArgs(), " ") + " -o libImSDK.so ./sdkconn/libimsdk"
	for _, file := range []string{"doc.go", "../../docs/libimsdk.md"} {
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), command) {
			t.Errorf("%s does not tell %q (%v)", file, command, err)
		}
	}
}

// TestAProgramFindsTheLibraryByItsName links one with the library's path, which is not where it is looked for then.
func TestAProgramFindsTheLibraryByItsName(t *testing.T) {
	theirs, ours := libraries(t)
	for _, library := range []string{filepath.Join(ours, "libImSDK.so"), theirs.Library()} {
		f, err := elf.Open(library)
		if err != nil {
			t.Fatal(err)
		}
		names, err := f.DynString(elf.DT_SONAME)
		f.Close()
		if err != nil || !slices.Equal(names, []string{"libImSDK.so"}) {
			t.Errorf("%s is called %q, %v", library, names, err)
		}
	}
	exe := program(t, "send.c", filepath.Join(ours, "libImSDK.so"))
	f, err := elf.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if needed, err := f.ImportedLibraries(); err != nil || !slices.Contains(needed, "libImSDK.so") {
		t.Errorf("the program needs %q, %v", needed, err)
	}
	expect(t, "send", run(t, exe, with{library: ours, user: "alice"}))
}

// libraries is Tencent's package, and the folder of our library.
func libraries(t *testing.T) (tencent.Dir, string) {
	t.Helper()
	theirs, err := built.sdk()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := built.ours()
	if err != nil {
		t.Fatal(err)
	}
	return theirs, ours
}

// program compiles one of testdata/c, or a source by its path, and links it with our library or what is named.
func program(t *testing.T, source string, link ...string) string {
	t.Helper()
	theirs, ours := libraries(t)
	if len(link) == 0 {
		link = []string{"-L" + ours, "-lImSDK"}
	}
	if filepath.Dir(source) == "." {
		source = filepath.Join("testdata", "c", source)
	}
	exe := filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(source), filepath.Ext(source)))
	compiler := map[string]string{".c": "gcc", ".cpp": "g++"}[filepath.Ext(source)]
	args := []string{"-Wall", "-Wno-unused-function", "-Werror", "-isystem", theirs.Headers(), "-Itestdata/c", source, "-o", exe}
	cmd := exec.Command(compiler, append(append(args, link...), "-lpthread")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return exe
}

// with says how a program is run.
type with struct {
	library string // folder
	user    string // who logs in; "" nobody
	real    bool   // where there is no network
	args    []string
}

// command is a program about to be run in a folder of its own.
func command(t *testing.T, exe string, w with) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(exe, append([]string{dir}, w.args...)...)
	cmd.Dir = dir
	cmd.Env = []string{"LD_LIBRARY_PATH=" + w.library, "HOME=" + dir}
	if w.user != "" {
		cmd.Env = append(cmd.Env, "TEST_USER="+w.user)
	}
	if w.real {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		if os.Getuid() != 0 {
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		}
	}
	return cmd
}

// run returns what a program wrote to its standard output.
func run(t *testing.T, exe string, w with) string {
	t.Helper()
	cmd := command(t, exe, w)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s with %s: %v\n%s%s", filepath.Base(exe), w.library, err, out, &stderr)
	}
	if stderr.Len() > 0 {
		t.Logf("%s", &stderr)
	}
	return xlog.ReplaceAllString(string(out), "")
}

// xlog is what the real library prints, whatever it is told.
var xlog = regexp.MustCompile(`(?m)^\[xlog\].*\n`)

func realLibrary(theirs tencent.Dir) string { return filepath.Dir(theirs.Library()) }

// expect compares with a file of testdata/expect.
func expect(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "expect", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	same(t, file, string(want), got)
}

func same(t *testing.T, what, want, got string) {
	t.Helper()
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(a), len(b)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			t.Errorf("%s, line %d:\n got %s\nwant %s", what, i+1, y, x)
		}
	}
}

func TestEverySymbolOfTheRealLibraryIsThere(t *testing.T) {
	theirs, ours := libraries(t)
	want, got := symbols(t, theirs.Library()), symbols(t, filepath.Join(ours, "libImSDK.so"))
	if len(want) < 200 {
		t.Fatalf("the real library has %d symbols", len(want))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %d symbols, want %d; missing %q, too many %q", len(got), len(want), without(want, got), without(got, want))
	}
}

func symbols(t *testing.T, library string) []string {
	t.Helper()
	f, err := elf.Open(library)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, s := range all {
		if s.Section != elf.SHN_UNDEF && (strings.HasPrefix(s.Name, "TIM") || s.Name == "callExperimentalAPI") {
			names[s.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// TestExamples runs each of the examples three times. Without a login both libraries must say the same.
func TestExamples(t *testing.T) {
	theirs, ours := libraries(t)
	for _, name := range []string{"send", "revoke", "find", "list", "import", "delete", "batch", "download"} {
		t.Run(name, func(t *testing.T) {
			exe := program(t, name+".c")
			expect(t, name, run(t, exe, with{library: ours, user: "alice"}))
			if runtime.GOARCH != "amd64" {
				expect(t, name+"-nobody", run(t, exe, with{library: ours}))
				return
			}
			expect(t, name+"-nobody", run(t, exe, with{library: realLibrary(theirs), real: true}))
			expect(t, name+"-nobody", run(t, exe, with{library: ours}))
		})
	}
}

// knownDifferences are the lines of badinput that differ, and why.
var knownDifferences = strings.NewReplacer(
	// Before TIMInit the real library answers a cancelled send with a blank message, after it with {}.
	`TIMMsgCancelSend("u", kTIMConv_C2C, "1-1-1", CB): returns 0, answers 6013 "not initialized", message`,
	`TIMMsgCancelSend("u", kTIMConv_C2C, "1-1-1", CB): returns 0, answers 6013 "not initialized", object`,
)

func TestBadInputIsAnsweredAsByTheRealLibrary(t *testing.T) {
	theirs, ours := libraries(t)
	exe := program(t, "badinput.c")
	got := run(t, exe, with{library: ours})
	want := run(t, exe, with{library: realLibrary(theirs), real: true})
	if n := strings.Count(want, "\n"); n < 1000 {
		t.Fatalf("only %d lines", n)
	}
	same(t, "badinput", knownDifferences.Replace(want), got)
}

func TestInputThatBreaksTheRealLibrary(t *testing.T) {
	_, ours := libraries(t)
	got := run(t, program(t, "badinput.c"), with{library: ours, args: []string{"all"}})
	for _, line := range []string{
		"without a login: TIMMsgImportMsgList, [{}]: returns -3",
		"without a login: TIMMsgImportMsgList, [{},{}]: returns -3",
		`without a login: TIMMsgBatchSend, {}: returns 0, answers 6014 "not login", array of 0`,
		`before TIMInit: TIMMsgBatchSend, {}: returns 0, answers 6013 "not initialized", array of 0`,
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
	if i := strings.Index(got, "no answer"); i >= 0 {
		t.Errorf("a call was not answered: %s", got[strings.LastIndex(got[:i], "\n")+1:i])
	}
}

// TestUnsentMessagesLookTheSame compares every key of messages that were not sent.
func TestUnsentMessagesLookTheSame(t *testing.T) {
	theirs, ours := libraries(t)
	exe := program(t, "unsent.c")
	want := run(t, exe, with{library: realLibrary(theirs), real: true})
	got := run(t, exe, with{library: ours})
	same(t, "unsent", masked(t, want), masked(t, got))
}

// masked writes JSON in one way, and out of it what no two runs have in common.
func masked(t *testing.T, out string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(out) {
		code, text, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			code, text = "", strings.TrimSpace(line)
		}
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		mask(v)
		data, err := json.MarshalIndent(v, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n%s\n", code, data)
	}
	return b.String()
}

func mask(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			mask(e)
		}
	case map[string]any:
		for _, key := range []string{"message_client_time", "message_rand", "message_unique_id", "message_msg_id"} {
			if _, ok := v[key]; ok {
				v[key] = fmt.Sprintf("%T", v[key])
			}
		}
		if _, ok := v["image_elem_level"]; ok {
			v["image_elem_level"] = "differs: 0 is what the real library makes of a level that is not given, ours is 1, the default"
		}
		for _, e := range v {
			mask(e)
		}
	}
}

func TestCallbacks(t *testing.T) {
	_, ours := libraries(t)
	expect(t, "threads", run(t, program(t, "threads.c"), with{library: ours, user: "alice"}))
}

func TestEvents(t *testing.T) {
	_, ours := libraries(t)
	expect(t, "events", run(t, program(t, "events.c"), with{library: ours, user: "alice"}))
}

// TestUserSigs has the chat file carry a secret.
func TestUserSigs(t *testing.T) {
	t.Parallel()
	_, ours := libraries(t)
	const app = 1400000000
	file := filepath.Join(t.TempDir(), "chat.db")
	chat, err := local.Open(t.Context(), file, local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := chat.SetSecret(t.Context(), app, "the key"); err != nil {
		t.Fatal(err)
	}
	if err := chat.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, program(t, "usersig.c"), with{library: ours})
	now := time.Now()
	for name, s := range map[string]struct {
		app       uint64
		key, user string
		from      time.Time
	}{
		"SIG_ALICE": {app, "the key", "alice", now},
		"SIG_APP":   {app + 1, "the key", "alice", now},
		"SIG_KEY":   {app, "another", "alice", now},
		"SIG_OLD":   {app, "the key", "alice", now.Add(-2 * time.Hour)},
		"SIG_SOON":  {app, "the key", "bob", now.Add(5*time.Second - time.Hour)},
	} {
		sig, err := usersig.New(s.app, s.key, s.user, s.from, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, name+"="+sig)
	}
	cmd.Env = append(cmd.Env, "TIMBOT_CHAT="+file)
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	expect(t, "usersig", string(out))
}

func TestCPlusPlus(t *testing.T) {
	t.Parallel()
	_, ours := libraries(t)
	expect(t, "plus", run(t, program(t, "plus.cpp"), with{library: ours}))
}

func TestAMillionCallsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	_, ours := libraries(t)
	expect(t, "million", run(t, program(t, "million.c"), with{library: ours, user: "alice"}))
}

// TestTheChatFileIsTimbots shares a chat file with this process, which writes to the program's user and then logs in as him.
func TestTheChatFileIsTimbots(t *testing.T) {
	_, ours := libraries(t)
	file := filepath.Join(t.TempDir(), "shared.db")
	cmd := command(t, program(t, "kicked.c"), with{library: ours, user: "alice"})
	cmd.Env = append(cmd.Env, "TIMBOT_CHAT="+file)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	until := func(text string) string {
		var seen strings.Builder
		for {
			line, err := lines.ReadString('\n')
			seen.WriteString(line)
			if strings.HasPrefix(line, text) {
				return line
			}
			if err != nil {
				t.Fatalf("no line %q: %v, but\n%s", text, err, &seen)
			}
		}
	}
	until("ready")
	chat, err := local.Open(t.Context(), file, local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer chat.Close()
	bob, err := chat.Login(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bob.SendNewMsg(t.Context(), sdkconn.C2C("alice"), &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: "from Go"}}}); err != nil {
		t.Fatal(err)
	}
	if line := until("new:"); !strings.Contains(line, `"text_elem_content":"from Go"`) {
		t.Errorf("the program heard %s", line)
	}
	until("got it")
	if _, err := chat.Login(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if line := until("TIMMsgSendNewMsg"); !strings.Contains(line, `answers 6014 "not login"`) {
		t.Errorf("after the login was lost: %s", line)
	}
	if line := until("kicked"); line != "kicked 1, status 3\n" {
		t.Errorf("got %q", line)
	}
	io.Copy(io.Discard, lines)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestFuzzedJSON throws random JSON at each of the ten calls.
func TestFuzzedJSON(t *testing.T) {
	t.Parallel()
	_, ours := libraries(t)
	file := filepath.Join(t.TempDir(), "lines")
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for range 400 {
		b.WriteString(randomJSON(r))
		b.WriteByte('\n')
	}
	if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	exe := program(t, "fuzz.c")
	for _, user := range []string{"alice", ""} {
		expect(t, "fuzz", strings.ReplaceAll(run(t, exe, with{library: ours, user: user, args: []string{file}}), "TIMLogin: returns 0, answers 0 \"\", nothing\n", ""))
	}
}

// randomJSON is a line that resembles what the ten calls take: keys that they know, values that they may not expect.
func randomJSON(r *rand.Rand) string {
	text := randomValue(r, 0)
	for r.IntN(4) == 0 && len(text) > 0 { // broken somewhere
		i := r.IntN(len(text))
		switch r.IntN(3) {
		case 0:
			text = text[:i]
		case 1:
			text = text[:i] + string(rune(32+r.IntN(95))) + text[i:]
		default:
			text = text[:i] + "\xff" + text[i+1:]
		}
	}
	return strings.Map(func(c rune) rune {
		if c == '\n' || c == 0 {
			return ' '
		}
		return c
	}, text)
}

var fuzzKeys = []string{
	"message_elem_array", "elem_type", "text_elem_content", "message_sender", "message_seq", "message_rand", "message_client_time",
	"message_server_time", "message_is_online_msg", "message_cloud_custom_str", "message_status", "message_is_from_self",
	"message_locator_time", "message_locator_seq", "message_locator_rand", "message_locator_is_self", "msg_delete_param_msg",
	"msg_getmsglist_param_count", "msg_getmsglist_param_last_msg", "msg_getmsglist_param_is_forward",
	"msg_getmsglist_param_time_begin", "msg_getmsglist_param_time_period", "msg_getmsglist_param_message_seq_array",
	"msg_download_elem_param_type", "msg_download_elem_param_id", "msg_download_elem_param_url",
	"msg_batch_send_param_identifier_array", "msg_batch_send_param_msg", "image_elem_orig_path", "file_elem_file_path",
	"merge_elem_message_array", "merge_elem_title", "group_tips_elem_tip_type", "message_sender_profile", "a", "",
}

func randomValue(r *rand.Rand, depth int) string {
	n := r.IntN(12)
	if depth == 0 {
		n = 8 + r.IntN(4)
	}
	if depth > 6 {
		n = r.IntN(8)
	}
	switch n {
	case 0:
		return "null"
	case 1:
		return fmt.Sprint(r.IntN(2) == 0)
	case 2:
		return fmt.Sprint(r.IntN(14) - 1)
	case 3:
		return []string{"-1", "1e400", "18446744073709551616", "3.7", "-9223372036854775808", "1700000000", "0"}[r.IntN(7)]
	case 4:
		return `"` + []string{"bob", "carol", "", "\\ud83d\\ude00", "\\ud83d", "\\u0000", "你好", "/etc/hostname", "local-blob:x", "🙂"}[r.IntN(10)] + `"`
	case 5:
		return `"` + strings.Repeat("x", 1<<r.IntN(15)) + `"`
	case 6:
		return `"@TIM#SYSTEM"`
	case 7:
		return "{}"
	case 8:
		items := make([]string, r.IntN(4))
		for i := range items {
			items[i] = randomValue(r, depth+1)
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	items := make([]string, r.IntN(6))
	for i := range items {
		items[i] = `"` + fuzzKeys[r.IntN(len(fuzzKeys))] + `":` + randomValue(r, depth+1)
	}
	return "{" + strings.Join(items, ",") + "}"
}
