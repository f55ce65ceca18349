// Package usersig makes and verifies UserSigs, the signatures that log users in to TIM: version 2.0, HMAC-SHA256 with the
// secret key of the app.
package usersig

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

// Sig is what a UserSig holds.
type Sig struct {
	Version string `json:"TLS.ver"`
	User    string `json:"TLS.identifier"`
	AppID   uint64 `json:"TLS.sdkappid"`
	Expire  int64  `json:"TLS.expire"` // seconds after Time
	Time    int64  `json:"TLS.time"`   // Unix seconds
	Buffer  string `json:"TLS.userbuf,omitempty"`
	MAC     string `json:"TLS.sig"`
}

// maxBytes bounds what a UserSig unpacks to; real ones hold some 250 bytes.
const maxBytes = 64 << 10

var alphabet = strings.NewReplacer("+", "*", "/", "-", "=", "_")
var alphabetBack = strings.NewReplacer("*", "+", "-", "/", "_", "=")

// New makes the signature that logs a user in, from the secret key of the app. It is good for life from now on, in whole
// seconds.
func New(appID uint64, secretKey, user string, now time.Time, life time.Duration) (string, error) {
	s := Sig{Version: "2.0", User: user, AppID: appID, Expire: int64(life / time.Second), Time: now.Unix()}
	s.MAC = s.mac(secretKey)
	data, err := json.Marshal(s)
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
	return alphabet.Replace(base64.StdEncoding.EncodeToString(packed.Bytes())), nil
}

// mac signs everything else with the app's key.
func (s Sig) mac(secretKey string) string {
	mac := hmac.New(sha256.New, []byte(secretKey))
	fmt.Fprintf(mac, "TLS.identifier:%s\nTLS.sdkappid:%d\nTLS.time:%d\nTLS.expire:%d\n", s.User, s.AppID, s.Time, s.Expire)
	if s.Buffer != "" {
		fmt.Fprintf(mac, "TLS.userbuf:%s\n", s.Buffer)
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Parse takes a UserSig apart. Its errors do not repeat what it was given.
func Parse(text string) (Sig, error) {
	var s Sig
	packed, err := base64.StdEncoding.DecodeString(alphabetBack.Replace(text))
	if err != nil {
		return s, errors.New("it is not a UserSig: not in its alphabet")
	}
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return s, errors.New("it is not a UserSig: it does not unpack")
	}
	data, err := io.ReadAll(io.LimitReader(z, maxBytes))
	if err != nil {
		return s, errors.New("it is not a UserSig: it does not unpack")
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, errors.New("it is not a UserSig: what it holds is not what a UserSig holds")
	}
	return s, nil
}

// SignedBy reports whether the signature was made with this key, as it is.
func (s Sig) SignedBy(secretKey string) bool {
	return hmac.Equal([]byte(s.MAC), []byte(s.mac(secretKey)))
}

// maxUnix is the latest time that is told: the end of the year 9999.
const maxUnix = 253402300799

// Expires is when the signature ends, at the latest at the end of the year 9999. What says nonsense has ended long ago.
func (s Sig) Expires() time.Time {
	switch {
	case s.Time < 0 || s.Expire < 0:
		return time.Unix(0, 0)
	case s.Time > maxUnix || s.Expire > maxUnix-s.Time:
		return time.Unix(maxUnix, 0)
	}
	return time.Unix(s.Time+s.Expire, 0)
}
