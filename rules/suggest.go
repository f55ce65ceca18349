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
		limit = max(2, limit)
	}
	best, bestCost := "", limit+1
	for _, name := range slices.Sorted(slices.Values(names)) {
		if cost := distance(strings.ToLower(got), strings.ToLower(name)); cost < bestCost {
			best, bestCost = name, cost
		}
	}
	return best
}

// distance is how many letters to add, remove or change; two neighbours in the wrong order count as one.
func distance(a, b string) int {
	if len(a) == len(b) {
		for i := 0; i+1 < len(a); i++ {
			if a[i] != b[i] {
				if a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:] {
					return 1
				}
				break
			}
		}
	}
	return levenshtein.Distance(a, b, nil)
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
