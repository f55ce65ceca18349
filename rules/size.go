package rules

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// sizeUnits are the units of sizes, in bytes.
var sizeUnits = map[string]float64{
	"B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
	"TiB": 1 << 40,
}

// parseSize reads "2GiB", "500 MB", "1.5GiB"; 0 needs no unit.
func parseSize(s string) (int64, error) {
	if s == "0" {
		return 0, nil
	}
	number := strings.TrimRight(s, "BKMGTikmgtb ")
	unit := strings.TrimSpace(s[len(number):])
	x, err := strconv.ParseFloat(number, 64)
	if err != nil || strings.Trim(number, "0123456789.") != "" {
		return 0, fmt.Errorf("%q is no size: write for instance 500MiB or 2GiB", s)
	}
	factor, ok := sizeUnits[unit]
	switch {
	case unit == "":
		return 0, fmt.Errorf("%q: %s what? write for instance %sMiB or %sGiB", s, number, number, number)
	case !ok:
		return 0, fmt.Errorf("%q: there is no unit %q%s", s, unit, didYouMean(unit, keys(sizeUnits)))
	case x*factor >= math.MaxInt64:
		return 0, fmt.Errorf("%q is too large", s)
	}
	return int64(x * factor), nil
}

// size reads a size in bytes.
func (r *reader) size(n *node, what string) (int64, bool) {
	n = resolve(n)
	if !slices.Contains([]string{"!!str", "!!int", "!!float"}, n.ShortTag()) {
		r.errorf(n, "%s must be a size such as 2GiB, not %s", what, kindName(n))
		return 0, false
	}
	size, err := parseSize(n.Value)
	if err != nil {
		r.errorf(n, "%s: %v", what, err)
	}
	return size, err == nil
}
