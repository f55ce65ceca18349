package schedule

import (
	_ "embed" // the names of the zones
	"strings"
	"time"
)

//go:embed zones.txt
var zones string

// ZoneNames returns the names of the time zones that people use, for suggestions. There are others.
func ZoneNames() []string { return strings.Fields(zones) }

// around is how far to both sides of a place on the wall its offset is looked up: further than any change of the clocks
// moves them (Samoa once left a day out).
const around = 2 * day

// wallOf is what the wall shows at a time, in seconds as if it were UTC.
func wallOf(t time.Time) int64 {
	_, offset := t.Zone()
	return t.Unix() + int64(offset)
}

// instant is the first second at which the wall shows something, or the end of the gap that it is in.
func instant(wall int64, loc *time.Location) int64 {
	t, _ := passes(wall, loc)
	return t
}

// passes is instant, and whether the wall shows the same once more.
func passes(wall int64, loc *time.Location) (first int64, twice bool) {
	_, before := time.Unix(wall-around, 0).In(loc).Zone()
	_, after := time.Unix(wall+around, 0).In(loc).Zone()
	early, late := wall-int64(before), wall-int64(after) // by the offset before a change, and after it
	earlyIs := wallOf(time.Unix(early, 0).In(loc)) == wall
	lateIs := wallOf(time.Unix(late, 0).In(loc)) == wall
	switch {
	case earlyIs:
		return early, lateIs && late != early
	case lateIs:
		return late, false
	}
	// In a gap: by the offset before it, the moment lies behind the change.
	start, _ := time.Unix(early, 0).In(loc).ZoneBounds()
	return start.Unix(), false
}
