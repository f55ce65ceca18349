package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// nearest returns the name that somebody who wrote got probably meant, or "".
func nearest(got string, names []string) string {
	if len(got) > 100 {
		return ""
	}
	limit := max(1, len(got)/3)
	if len(got) >= 4 {
		limit = max(2, limit) // two letters in the wrong order count as two
	}
	best, bestCost := "", limit+1
	for _, name := range slices.Sorted(slices.Values(names)) {
		if strings.EqualFold(name, got) {
			return name
		}
		if cost := levenshtein.Distance(strings.ToLower(got), strings.ToLower(name), nil); cost < bestCost {
			best, bestCost = name, cost
		}
	}
	return best
}

// didYouMean returns ` (did you mean "x"?)` for the nearest name, or "".
func didYouMean(got string, names []string) string {
	if name := nearest(got, names); name != "" {
		return fmt.Sprintf(" (did you mean %q?)", name)
	}
	return ""
}

// oneOf lists the valid values when there are few, for messages.
func oneOf(names []string) string {
	return strings.Join(names, ", ")
}
