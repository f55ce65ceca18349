package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn/usersig"
)

// maxSecretBytes bounds what is read from a file, a command or a URL.
const maxSecretBytes = 64 << 10

// signer gets the signatures of one user. What it holds never reaches a log or an error.
type signer struct {
	o     options
	dir   string // relative paths are relative to it
	clock clockwork.Clock
}

// sign returns a new signature and when it ends.
func (s signer) sign(ctx context.Context) (string, time.Time, error) {
	sig, err := s.fetch(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	expires, err := s.check(sig)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("%s: %w", s.o.sigFrom(), err)
	}
	return sig, expires, nil
}

// check says what is wrong with a signature for this login, as far as can be seen from here, or when it ends.
func (s signer) check(sig string) (expires time.Time, err error) {
	body, err := usersig.Parse(sig)
	if err != nil {
		return expires, err
	}
	expires = body.Expires()
	switch {
	case body.User != s.o.user:
		err = fmt.Errorf("the UserSig is for user %q, the login for %q", body.User, s.o.user)
	case body.AppID != s.o.appID:
		err = fmt.Errorf("the UserSig is for app %d, the login for %d", body.AppID, s.o.appID)
	case !expires.After(s.clock.Now()):
		err = fmt.Errorf("the UserSig expired on %s", expires.UTC().Format(time.RFC3339))
	}
	return expires, err
}

func (s signer) fetch(ctx context.Context) (string, error) {
	switch o := s.o; {
	case o.secretEnv != "", o.secretFile != "":
		key, err := s.secret(o.secretEnv, o.secretFile)
		if err != nil {
			return "", err
		}
		return usersig.New(o.appID, key, o.user, s.clock.Now(), o.sigLife)
	case o.sigCmd != "":
		return s.run(ctx, o.sigCmd)
	case o.sigURL != "":
		return s.get(ctx, o.sigURL)
	default:
		return s.secret(o.sigEnv, o.sigFile)
	}
}

// secret reads a variable or a file.
func (s signer) secret(env, file string) (string, error) {
	if env != "" {
		if v := strings.TrimSpace(os.Getenv(env)); v != "" {
			return v, nil
		}
		return "", fmt.Errorf("the environment has no %s, which the connection's URL names", env)
	}
	path := file
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.dir, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecretBytes))
	if err != nil {
		return "", err
	}
	v := strings.TrimSpace(string(data))
	if v == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return v, nil
}

// run takes the signature from a command's output.
func (s signer) run(ctx context.Context, line string) (string, error) {
	ctx, cancel := withTimeout(ctx, s.clock, s.o.timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	if runtime.GOOS == "windows" {
		cmd = exec.CommandContext(ctx, "cmd", "/c", line)
	}
	cmd.Dir = s.dir
	cmd.WaitDelay = time.Second
	cmd.Env = append(os.Environ(), "TIM_USER="+s.o.user, "TIM_SDKAPPID="+strconv.FormatUint(s.o.appID, 10))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limited{&out}, &limited{&errs}
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("sig_cmd: %w: %s", err, strings.TrimSpace(errs.String()))
	}
	return sigIn("sig_cmd", out.Bytes())
}

// get takes the signature from a URL.
func (s signer) get(ctx context.Context, address string) (string, error) {
	ctx, cancel := withTimeout(ctx, s.clock, s.o.timeout)
	defer cancel()
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", errors.New("sig_url: it is no http or https address")
	}
	query := u.Query()
	query.Set("user", s.o.user)
	query.Set("sdkappid", strconv.FormatUint(s.o.appID, 10))
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", errors.New("sig_url: it is no http or https address")
	}
	if s.o.sigTokenEnv != "" {
		token, err := s.secret(s.o.sigTokenEnv, "")
		if err != nil {
			return "", err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("sig_url: %w", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxSecretBytes))
	if err != nil {
		return "", fmt.Errorf("sig_url: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("sig_url: %s answered %s", u.Host, resp.Status)
	}
	return sigIn("sig_url", data)
}

// sigIn finds the signature in an answer: the text itself, or a member of a JSON object that may be inside another's data.
func sigIn(from string, data []byte) (string, error) {
	text := strings.TrimSpace(string(data))
	if strings.HasPrefix(text, "{") {
		var answer struct {
			names
			Data names `json:"data"`
		}
		_ = json.Unmarshal(data, &answer) // what does not fit is not there
		if text = answer.sig(); text == "" {
			text = answer.Data.sig()
		}
	}
	if text == "" || strings.ContainsAny(text, " \r\n\t{}\"") {
		return "", fmt.Errorf("%s: no UserSig in the answer: want it alone, or as userSig in a JSON object", from)
	}
	return text, nil
}

// names are what people call it.
type names struct {
	UserSig  string `json:"userSig"`
	Usersig  string `json:"usersig"`
	UserSig2 string `json:"user_sig"`
	Sig      string `json:"sig"`
}

func (n names) sig() string {
	for _, s := range []string{n.UserSig, n.Usersig, n.UserSig2, n.Sig} {
		if s != "" {
			return s
		}
	}
	return ""
}

// limited keeps the first maxSecretBytes and takes the rest without keeping it.
type limited struct{ b *bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	l.b.Write(p[:min(len(p), max(0, maxSecretBytes-l.b.Len()))])
	return len(p), nil
}
