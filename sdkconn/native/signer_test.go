package native

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/usersig"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestSigner(t *testing.T) {
	clock := clockwork.NewFakeClockAt(noon)
	made, err := usersig.New(7, "key", "bot", noon, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	older, err := usersig.New(7, "key", "bot", noon.Add(-time.Hour), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string]string{"key": "key\n", "sig": made + "\n", "empty": " \n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TIM_TEST_KEY", "key")
	t.Setenv("TIM_TEST_SIG", made)
	t.Setenv("TIM_TEST_OLDER", older)
	t.Setenv("TIM_TEST_TOKEN", "the-token")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("user") != "bot" || r.URL.Query().Get("sdkappid") != "7":
			http.Error(w, "who?", http.StatusBadRequest)
		case r.URL.Path == "/json":
			_, _ = w.Write([]byte(`{"code":0,"data":{"userSig":"` + made + `"}}`))
		case r.URL.Path == "/token" && r.Header.Get("Authorization") != "Bearer the-token":
			http.Error(w, "no", http.StatusForbidden)
		default:
			_, _ = w.Write([]byte(made + "\n"))
		}
	}))
	defer server.Close()

	base := options{appID: 7, user: "bot", timeout: time.Minute, sigLife: time.Hour}
	for name, c := range map[string]struct {
		set  func(*options)
		says string // "" when it works
	}{
		"secret_env":    {func(o *options) { o.secretEnv = "TIM_TEST_KEY" }, ""},
		"secret_file":   {func(o *options) { o.secretFile = "key" }, ""},
		"sig_env":       {func(o *options) { o.sigEnv = "TIM_TEST_SIG" }, ""},
		"sig_file":      {func(o *options) { o.sigFile = "sig" }, ""},
		"sig_cmd":       {func(o *options) { o.sigCmd = `test "$TIM_USER/$TIM_SDKAPPID" = bot/7 && cat sig` }, ""},
		"sig_url":       {func(o *options) { o.sigURL = server.URL + "/text?x=1" }, ""},
		"JSON":          {func(o *options) { o.sigURL = server.URL + "/json" }, ""},
		"token":         {func(o *options) { o.sigURL, o.sigTokenEnv = server.URL+"/token", "TIM_TEST_TOKEN" }, ""},
		"no variable":   {func(o *options) { o.secretEnv = "TIM_TEST_NONE" }, "TIM_TEST_NONE"},
		"no file":       {func(o *options) { o.secretFile = "none" }, "none"},
		"empty file":    {func(o *options) { o.sigFile = "empty" }, "is empty"},
		"no signature":  {func(o *options) { o.sigFile = "key" }, "not a UserSig"},
		"cmd fails":     {func(o *options) { o.sigCmd = "echo no such user >&2; exit 3" }, "no such user"},
		"cmd is silent": {func(o *options) { o.sigCmd = "true" }, "no UserSig in the answer"},
		"refused":       {func(o *options) { o.sigURL = server.URL + "/token" }, "403"},
		"other user":    {func(o *options) { o.user, o.sigEnv = "eve", "TIM_TEST_SIG" }, `for user "bot"`},
		"other app":     {func(o *options) { o.appID, o.sigEnv = 8, "TIM_TEST_SIG" }, "for app 7"},
		"expired":       {func(o *options) { o.sigEnv = "TIM_TEST_OLDER" }, "expired on"},
	} {
		o := base
		c.set(&o)
		sig, expires, err := signer{o, dir, clock}.sign(t.Context())
		switch {
		case c.says == "" && (err != nil || sig != made || !expires.Equal(noon.Add(time.Hour))):
			t.Errorf("%s: %v until %v, %v", name, sig, expires, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want it to say %q", name, err, c.says)
		}
	}
}

func TestSignerGivesUp(t *testing.T) {
	clock := clockwork.NewFakeClockAt(noon)
	o := options{appID: 7, user: "bot", timeout: time.Minute, sigCmd: "exec sleep 1000"}
	done := make(chan error)
	go func() {
		_, _, err := signer{o, t.TempDir(), clock}.sign(context.Background())
		done <- err
	}()
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	if err := <-done; err == nil {
		t.Error("a command that hangs gave a signature")
	}
}

func TestOptions(t *testing.T) {
	const good = "lib=/l.so&sdkappid=7&user=bot&secret_env=KEY"
	t.Setenv("KEY", "k")
	for query, says := range map[string]string{
		good:                                     "",
		good + "&isolate=off&timeout=5s&log=off": "",
		"sdkappid=7&user=bot&secret_env=KEY":     "no lib",
		"lib=/l.so&user=bot&secret_env=KEY":      "no sdkappid",
		"lib=/l.so&sdkappid=x&user=bot":          `sdkappid "x"`,
		"lib=/l.so&sdkappid=7&secret_env=KEY":    `user ""`,
		"lib=/l.so&sdkappid=7&user=bot":          "where the UserSig comes from",
		good + "&sig_env=X":                      "two sources, secret_env and sig_env",
		good + "&sig_token_env=X":                "sig_token_env is for sig_url",
		good + "&secret=hunter2":                 "a secret does not belong in the URL",
		good + "&secret_evn=X":                   "did you mean secret_env?",
		good + "&qqqqqqqq=1":                     "native knows lib,",
		good + "&user=eve":                       "given twice",
		good + "&isolate=maybe":                  "want on or off",
		good + "&timeout=0s":                     "above zero",
		good + "&log=loud":                       "want off, error",
		good + "&sig_life=1s":                    "at least 1m",
	} {
		_, err := sdkconn.Open(t.Context(), "native:?"+query, sdkconn.Config{})
		if says == "" { // then it is the library that is not there
			says = "is not there"
			if strings.Contains(query, "isolate") {
				says = "im_electron_sdk"
			}
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want it to say %q", query, err, says)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v tells the secret", err)
		}
	}
	for _, u := range []string{"native:/l.so?" + good, "native://host?" + good} {
		if _, err := sdkconn.Open(t.Context(), u, sdkconn.Config{}); err == nil {
			t.Errorf("%s: opened", u)
		}
	}
}
