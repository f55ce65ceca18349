package native

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// dropIn is our own library with the SDK's interface, built for these tests.
var dropIn string

func TestMain(m *testing.M) {
	Main()
	flag.Parse()
	if dropIn = os.Getenv("TIMBOT_TEST_REAL_LIBRARY"); dropIn != "" { // Tencent's, in a process without a network
		os.Exit(m.Run())
	}
	if dropIn = os.Getenv("TIMBOT_TEST_DROP_IN"); dropIn != "" { // a program of TestKilledParent's
		os.Exit(m.Run())
	}
	if missing != "" {
		onlyTools()
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "timbot-native-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// What the race detector finds in a child goes to a file: nobody reads a child's standard error, and its exit code counts for
	// nothing. It would also sleep for a second at each child's end, so that reports come out.
	races := filepath.Join(dir, "race")
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0 log_path="+races); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	dropIn = filepath.Join(dir, "libImSDK.so")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-o", dropIn, "../libimsdk")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "the library for the tests: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	found, _ := filepath.Glob(races + ".*") // the pattern is well-formed
	for _, name := range found {
		text, err := os.ReadFile(name)
		fmt.Fprintln(os.Stderr, "in a child:", string(text), err)
		code = 1
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// secretEnv holds the key of the tests.
const secretEnv = "TIMBOT_TEST_SECRET"

// address is the URL of a login to the chat in a folder.
func address(t testing.TB, user, data string, more ...string) string {
	t.Helper()
	if os.Getenv(secretEnv) == "" {
		if err := os.Setenv(secretEnv, "0123456789abcdef"); err != nil {
			t.Fatal(err)
		}
	}
	q := url.Values{"lib": {dropIn}, "sdkappid": {"1400000000"}, "user": {user}, "data": {data}, "secret_env": {secretEnv}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "native:?" + q.Encode()
}
