package native

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agext/levenshtein"

	"github.com/timbot-go/timbot/sdkconn"
)

// What counts when the URL does not say it.
const (
	defaultTimeout = 30 * time.Second
	defaultSigLife = 7 * 24 * time.Hour
)

// options are what the URL says.
type options struct {
	lib     string // absolute, or a bare name that the system looks for
	appID   uint64
	user    string
	data    string // absolute
	inside  bool   // isolate=off
	timeout time.Duration
	log     int // TIMLogLevel

	secretEnv, secretFile                        string
	sigEnv, sigFile, sigCmd, sigURL, sigTokenEnv string
	sigLife                                      time.Duration
}

// logLevels are TIMLogLevel's numbers of today.
var logLevels = map[string]int{"off": 0, "debug": 3, "info": 4, "warn": 5, "error": 6}

// want is how a URL looks.
const want = "native:?lib=PATH&sdkappid=N&user=ID&secret_env=NAME"

var known = []string{"lib", "sdkappid", "user", "data", "isolate", "timeout", "log", "secret_env", "secret_file", "sig_env",
	"sig_file", "sig_cmd", "sig_url", "sig_token_env", "sig_life"}

func parseOptions(u *url.URL, dir string) (options, error) {
	o := options{timeout: defaultTimeout, sigLife: defaultSigLife, log: logLevels["warn"]}
	if u.Host != "" || u.Path != "" || u.Opaque != "" {
		return o, fmt.Errorf("native has no path and no host: want %s", want)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return o, errors.New("its parameters are not name=value, joined by &") // the text of err repeats them
	}
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if len(query[name]) > 1 {
			return o, fmt.Errorf("parameter %q is given twice", name)
		}
		if err := o.set(name, query[name][0]); err != nil {
			return o, err
		}
	}
	if o.lib == "" {
		return o, fmt.Errorf("no lib, the path of the SDK's library: want %s", want)
	}
	if o.appID == 0 {
		return o, fmt.Errorf("no sdkappid, the app's number in the console: want %s", want)
	}
	if !validUser(o.user) {
		return o, fmt.Errorf("user %q: want 1 to 32 bytes of printable ASCII: %s", o.user, want)
	}
	if err := o.checkSigner(); err != nil {
		return o, err
	}
	if strings.ContainsRune(o.lib, filepath.Separator) && !filepath.IsAbs(o.lib) {
		o.lib = filepath.Join(dir, o.lib)
	}
	if o.data == "" {
		o.data = filepath.Join(".timbot", "native", fmt.Sprintf("%d-%x", o.appID, o.user))
	}
	if !filepath.IsAbs(o.data) {
		o.data = filepath.Join(dir, o.data)
	}
	o.lib, o.data = absolute(o.lib), absolute(o.data)
	return o, nil
}

// absolute makes a path independent of the working directory; a bare name is the system's to look for.
func absolute(path string) string {
	if !strings.ContainsRune(path, filepath.Separator) {
		return path
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func (o *options) set(name, value string) error {
	var err error
	switch name {
	case "lib":
		o.lib = filepath.FromSlash(value)
	case "sdkappid":
		if o.appID, err = strconv.ParseUint(value, 10, 64); err != nil || o.appID == 0 {
			return fmt.Errorf("sdkappid %q: want the app's number in the console, like 1400000000", value)
		}
	case "user":
		o.user = value
	case "data":
		o.data = filepath.FromSlash(value)
	case "isolate":
		if value != "on" && value != "off" {
			return fmt.Errorf("isolate %q: want on or off", value)
		}
		o.inside = value == "off"
	case "timeout":
		if o.timeout, err = time.ParseDuration(value); err != nil || o.timeout <= 0 {
			return fmt.Errorf("timeout %q: want a duration above zero, like 30s", value)
		}
	case "sig_life":
		if o.sigLife, err = time.ParseDuration(value); err != nil || o.sigLife < time.Minute {
			return fmt.Errorf("sig_life %q: want a duration of at least 1m, like 168h", value)
		}
	case "log":
		level, ok := logLevels[value]
		if !ok {
			return fmt.Errorf("log %q: want off, error, warn, info or debug", value)
		}
		o.log = level
	case "secret_env":
		o.secretEnv = value
	case "secret_file":
		o.secretFile = value
	case "sig_env":
		o.sigEnv = value
	case "sig_file":
		o.sigFile = value
	case "sig_cmd":
		o.sigCmd = value
	case "sig_url":
		o.sigURL = value
	case "sig_token_env":
		o.sigTokenEnv = value
	case "secret", "secretkey", "secret_key", "key", "usersig", "user_sig", "sig":
		return fmt.Errorf("%s: a secret does not belong in the URL; put it into the environment and name the variable with "+
			"secret_env, or sig_env for a UserSig", name)
	default:
		best, near := 0.5, ""
		for _, k := range known {
			if m := levenshtein.Match(name, k, nil); m > best {
				best, near = m, k
			}
		}
		if near != "" {
			return fmt.Errorf("unknown parameter %q: did you mean %s?", name, near)
		}
		return fmt.Errorf("unknown parameter %q: native knows %s", name, strings.Join(known, ", "))
	}
	return nil
}

// checkSigner sees to it that the signature has one source.
func (o *options) checkSigner() error {
	var from []string
	for _, s := range [][2]string{{"secret_env", o.secretEnv}, {"secret_file", o.secretFile}, {"sig_env", o.sigEnv},
		{"sig_file", o.sigFile}, {"sig_cmd", o.sigCmd}, {"sig_url", o.sigURL}} {
		if s[1] != "" {
			from = append(from, s[0])
		}
	}
	switch {
	case len(from) == 0:
		return errors.New("nothing says where the UserSig comes from: want secret_env=NAME or secret_file=PATH with the app's " +
			"secret key, or one of sig_env, sig_file, sig_cmd, sig_url")
	case len(from) > 1:
		return fmt.Errorf("the UserSig has two sources, %s and %s: want one", from[0], from[1])
	case o.sigTokenEnv != "" && o.sigURL == "":
		return errors.New("sig_token_env is for sig_url, which is not there")
	}
	return nil
}

// sigFrom says where signatures come from, for people.
func (o *options) sigFrom() string {
	switch {
	case o.secretEnv != "":
		return "the UserSig made with the key in $" + o.secretEnv
	case o.secretFile != "":
		return "the UserSig made with the key in " + o.secretFile
	case o.sigEnv != "":
		return "$" + o.sigEnv
	case o.sigFile != "":
		return o.sigFile
	case o.sigCmd != "":
		return "sig_cmd"
	}
	return "sig_url"
}

func validUser(id string) bool {
	if id == "" || len(id) > 32 {
		return false
	}
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}

// fail makes an error of the service's kind.
func fail(op string, code sdkconn.Code, format string, args ...any) error {
	return sdkconn.Errorf(op, code, format, args...)
}
