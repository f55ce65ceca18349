package actions

import (
	"math"
	"time"

	"github.com/xhit/go-str2duration/v2"
)

// moment reads a point in time: a time, RFC 3339 text, or whole Unix seconds. With a clock's now, a duration is that long
// ago as well.
func moment(input string, v any, now func() time.Time) (time.Time, error) {
	ago := func(d time.Duration) (time.Time, error) {
		if d < 0 {
			return time.Time{}, inputErrorf(input, "%s is in the future: want a duration that is not negative", d)
		}
		return now().Add(-d), nil
	}
	switch v := v.(type) {
	case time.Time:
		return v, nil
	case time.Duration:
		if now != nil {
			return ago(v)
		}
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return t, nil
		}
		if d, err := str2duration.ParseDuration(v); err == nil && now != nil {
			return ago(d)
		}
		return time.Time{}, inputErrorf(input, "%q is no time: want %s", v, momentForms(now != nil))
	case int:
		return time.Unix(int64(v), 0), nil
	case int64:
		return time.Unix(v, 0), nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<40 {
			return time.Unix(int64(v), 0), nil
		}
	}
	return time.Time{}, inputErrorf(input, "want %s, not %s", momentForms(now != nil), valueName(v))
}

func momentForms(durations bool) string {
	forms := "2026-10-10T09:00:00+08:00, or Unix seconds"
	if durations {
		return "for instance 24h (that long ago), " + forms
	}
	return "for instance " + forms
}

// unix is t in Unix seconds as the SDK counts them.
func unix(input string, t time.Time) (uint64, error) {
	secs := t.Unix()
	if secs < 1 || secs > math.MaxUint32 {
		return 0, inputErrorf(input, "is out of range: want a time from 1970 to 2106")
	}
	return uint64(secs), nil
}
