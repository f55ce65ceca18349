package usersig

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"math"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const key = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"

func TestNewAndParse(t *testing.T) {
	text, err := New(1400000000, key, "alice", noon, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(text, "+/=") {
		t.Errorf("%s is not in the alphabet of URLs", text)
	}
	sig, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	// HMAC-SHA256 of the four lines, computed with openssl.
	want := Sig{Version: "2.0", User: "alice", AppID: 1400000000, Expire: 3600, Time: noon.Unix(),
		MAC: "nH2rcqZCiRSDABNrbwTYhah70g9UzpjVJk7oIpC9tW0="}
	if sig != want {
		t.Errorf("the UserSig holds %+v, want %+v", sig, want)
	}
	if !sig.SignedBy(key) || sig.SignedBy(key+"x") || sig.SignedBy("") {
		t.Error("it is not signed by its key alone")
	}
	if end := sig.Expires(); !end.Equal(noon.Add(time.Hour)) {
		t.Errorf("it ends on %s", end)
	}
	for what, changed := range map[string]func(*Sig){
		"user": func(s *Sig) { s.User = "bob" }, "app": func(s *Sig) { s.AppID++ }, "time": func(s *Sig) { s.Time++ },
		"life": func(s *Sig) { s.Expire++ }, "buffer": func(s *Sig) { s.Buffer = "eA==" }, "signature": func(s *Sig) { s.MAC = "" },
	} {
		other := sig
		if changed(&other); other.SignedBy(key) {
			t.Errorf("with another %s it is signed still", what)
		}
	}
	for _, broken := range []string{"", "x", "eJw_", text[:len(text)-8], "AAAA", pack(t, "[]"), pack(t, `{"TLS.time":"x"}`)} {
		if s, err := Parse(broken); err == nil {
			t.Errorf("%q is a UserSig: %+v", broken, s)
		}
	}
}

// TestBuffer verifies a signature with a user buffer, whose HMAC was computed with openssl.
func TestBuffer(t *testing.T) {
	sig, err := Parse(pack(t, `{"TLS.ver":"2.0","TLS.identifier":"alice","TLS.sdkappid":1400000000,"TLS.time":1772366400,`+
		`"TLS.expire":3600,"TLS.userbuf":"AGJ1ZmZlcg==","TLS.sig":"qj6CMJ/EQgx//UULfdbO+/+Vjn8FWXjWhm4crrx23Ms="}`))
	if err != nil || !sig.SignedBy(key) {
		t.Errorf("%+v: %v, signed %v", sig, err, sig.SignedBy(key))
	}
}

func TestExpiresFarAway(t *testing.T) {
	for _, s := range []Sig{{Time: noon.Unix(), Expire: math.MaxInt64}, {Time: math.MaxInt64, Expire: 1}, {Time: 1, Expire: maxUnix}} {
		if end := s.Expires(); end.UTC().Year() != 9999 {
			t.Errorf("%+v ends on %s", s, end)
		}
	}
	if end := (Sig{Time: 1, Expire: math.MinInt64}).Expires(); end.After(noon) {
		t.Errorf("it ends on %s", end)
	}
}

func FuzzParse(f *testing.F) {
	text, err := New(1, key, "alice", noon, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", text, text[:20], "eJw_"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := Parse(text); err == nil && s.SignedBy("a key that nobody has") {
			t.Errorf("%+v is signed by a key that nobody has", s)
		}
	})
}

// pack makes a UserSig out of what it holds.
func pack(t *testing.T, holds string) string {
	t.Helper()
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	if _, err := z.Write([]byte(holds)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return alphabet.Replace(base64.StdEncoding.EncodeToString(b.Bytes()))
}
