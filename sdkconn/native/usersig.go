package native

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// sigBody is what a UserSig holds, version 2.0.
type sigBody struct {
	Version string `json:"TLS.ver"`
	User    string `json:"TLS.identifier"`
	AppID   uint64 `json:"TLS.sdkappid"`
	Expire  int64  `json:"TLS.expire"` // seconds after Time
	Time    int64  `json:"TLS.time"`   // Unix seconds
	Sig     string `json:"TLS.sig"`
}

// maxSigBytes bounds what a UserSig unpacks to; real ones hold some 250 bytes.
const maxSigBytes = 64 << 10

var sigAlphabet = strings.NewReplacer("+", "*", "/", "-", "=", "_")
var sigAlphabetBack = strings.NewReplacer("*", "+", "-", "/", "_", "=")

// UserSig makes the signature that logs a user in, from the secret key of the app. It is good for life from now on, in
// whole seconds.
func UserSig(appID uint64, secretKey, user string, now time.Time, life time.Duration) (string, error) {
	body := sigBody{Version: "2.0", User: user, AppID: appID, Expire: int64(life / time.Second), Time: now.Unix()}
	mac := hmac.New(sha256.New, []byte(secretKey))
	fmt.Fprintf(mac, "TLS.identifier:%s\nTLS.sdkappid:%d\nTLS.time:%d\nTLS.expire:%d\n", user, appID, body.Time, body.Expire)
	body.Sig = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	data, err := json.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("UserSig: %w", err)
	}
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err := z.Write(data); err != nil {
		return "", fmt.Errorf("UserSig: %w", err)
	}
	if err := z.Close(); err != nil {
		return "", fmt.Errorf("UserSig: %w", err)
	}
	return sigAlphabet.Replace(base64.StdEncoding.EncodeToString(packed.Bytes())), nil
}

// readSig takes a UserSig apart. It cannot say whether the service will accept it.
func readSig(sig string) (sigBody, error) {
	var body sigBody
	packed, err := base64.StdEncoding.DecodeString(sigAlphabetBack.Replace(sig))
	if err != nil {
		return body, errors.New("it is not a UserSig: not in its alphabet")
	}
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return body, errors.New("it is not a UserSig: it does not unpack")
	}
	data, err := io.ReadAll(io.LimitReader(z, maxSigBytes))
	if err != nil {
		return body, errors.New("it is not a UserSig: it does not unpack")
	}
	if err := json.Unmarshal(data, &body); err != nil {
		return body, errors.New("it is not a UserSig: what it holds is not what a UserSig holds")
	}
	return body, nil
}

// expires is when the signature ends.
func (b sigBody) expires() time.Time { return time.Unix(b.Time+b.Expire, 0) }

// check says what is wrong with a signature for this login, as far as can be seen from here.
func (b sigBody) check(appID uint64, user string, now time.Time) error {
	switch {
	case b.User != user:
		return fmt.Errorf("the UserSig is for user %q, the login for %q", b.User, user)
	case b.AppID != appID:
		return fmt.Errorf("the UserSig is for app %d, the login for %d", b.AppID, appID)
	case !b.expires().After(now):
		return fmt.Errorf("the UserSig expired on %s", b.expires().UTC().Format(time.RFC3339))
	}
	return nil
}
