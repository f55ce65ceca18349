package rules

import (
	"testing"
	"time"
)

func TestRates(t *testing.T) {
	for s, want := range map[string]Rate{
		"20/s": {20, time.Second}, "1/30s": {1, 30 * time.Second}, "3/1m": {3, time.Minute}, "5 / 2h": {5, 2 * time.Hour},
		"1000/d": {1000, 24 * time.Hour}, "1/500ms": {1, 500 * time.Millisecond}, "2/1h30m": {2, 90 * time.Minute},
	} {
		if got, err := parseRate(s, MaxLimit); got != want || err != nil {
			t.Errorf("%q is %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "/", "1", "1/", "/s", "x/s", "1/30", "1.5/s", "-1/s", "+1/s", "1/-5s", "1/0s", "0/s", "1001/s", "1/s/s", "1/x", "１/s"} {
		if got, err := parseRate(s, MaxLimit); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}

func TestSizes(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "512B": 512, "5kB": 5000, "5KB": 5000, "1KiB": 1 << 10, "500 MB": 500e6, "2GiB": 2 << 30, "1.5GiB": 3 << 29, "1TB": 1e12,
		"2TiB": 2 << 40,
	} {
		if got, err := parseSize(s); got != want || err != nil {
			t.Errorf("%q is %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "2", "GiB", "-1GiB", "2gib", "2 G", "0x2GiB", "1e3MB", "99999999999TiB", "NaNB", "InfMB", "1..5MB", "2GiB more"} {
		if got, err := parseSize(s); err == nil {
			t.Errorf("%q is %d", s, got)
		}
	}
}
