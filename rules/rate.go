package rules

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is so many in so long.
type Rate struct {
	Times int
	Per   time.Duration
}

// parseRate reads "20/s", "1/30s", "3/1m".
func parseRate(s string, most int) (Rate, error) {
	bad := func() (Rate, error) {
		return Rate{}, fmt.Errorf("%q is no rate: write how many in how long, for instance 20/s, 1/30s or 3/1m", s)
	}
	number, window, ok := strings.Cut(s, "/")
	number, window = strings.TrimSpace(number), strings.TrimSpace(window)
	if !ok || strings.Trim(number, "0123456789") != "" || number == "" {
		return bad()
	}
	times, err := strconv.Atoi(number)
	switch {
	case err != nil || times > most:
		return Rate{}, fmt.Errorf("%q: at most %d, and this is %s", s, most, number)
	case times == 0:
		return Rate{}, fmt.Errorf("%q: at least 1", s)
	case window == "":
		return bad()
	case strings.Trim(window, "0123456789") == "":
		return Rate{}, fmt.Errorf("%q: %s what? write for instance %s/%ss", s, window, number, window)
	}
	if strings.IndexByte("0123456789", window[0]) < 0 {
		window = "1" + window
	}
	per, err := parseDuration(window)
	switch {
	case err != nil:
		return bad()
	case per <= 0:
		return Rate{}, fmt.Errorf("%q: the time must be longer than 0", s)
	}
	return Rate{times, per}, nil
}

// rate reads a rate of at most so many.
func (r *reader) rate(n *node, what string, most int) (Rate, bool) {
	n = r.literal(n)
	if !isString(n) {
		r.errorf(n, "%s must be a rate such as 20/s or 1/30s, not %s", what, kindName(n))
		return Rate{}, false
	}
	if at := strings.Index(n.Value, open); at >= 0 {
		r.errorIn(n, at, "%s cannot hold an expression", what)
		return Rate{}, false
	}
	rate, err := parseRate(n.Value, most)
	if err != nil {
		r.errorf(n, "%s: %v", what, err)
	}
	return rate, err == nil
}
