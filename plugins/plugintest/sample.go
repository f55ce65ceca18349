package plugintest

import (
	"math"
	"strings"

	"github.com/timbot-go/timbot/rules"
)

// sample is a value of a type that an action may well be given.
func sample(f rules.Field) any {
	if len(f.Enum) > 0 {
		return f.Enum[0]
	}
	switch f.Type.Kind {
	case rules.KindString:
		return "test"
	case rules.KindInt:
		return 1
	case rules.KindFloat:
		return 1.5
	case rules.KindBool:
		return true
	case rules.KindDuration:
		return "1s"
	case rules.KindList:
		return []any{sample(elem(f))}
	case rules.KindMap:
		return map[string]any{"key": sample(elem(f))}
	case rules.KindObject:
		return samples(f.Type.Fields, false)
	}
	return "test"
}

func elem(f rules.Field) rules.Field {
	if f.Type.Elem == nil {
		return rules.Field{Type: rules.Type{Kind: rules.KindAny}}
	}
	return rules.Field{Type: *f.Type.Elem}
}

// samples are the inputs of a call: all, or those alone that must be given.
func samples(fields []rules.Field, required bool) map[string]any {
	out := make(map[string]any)
	for _, f := range fields {
		if f.Required || !required {
			out[f.Name] = sample(f)
		}
	}
	return out
}

var (
	oddTexts = []any{
		"", " \t\r\n", "a\x00b",
		"🙂 👨‍👩‍👧 中文 \u202eright to left\u2028", `"quoted" \back\ ${{ x }} {{y}} <b>&`, "'; DROP TABLE users; --",
		strings.Repeat("x", 64<<10), "null", "-1",
	}
	oddInts      = []any{0, -1, int64(math.MaxInt64), int64(math.MinInt64), int64(1)<<53 + 1}
	oddNumbers   = []any{0, -0.5, 1e308, 5e-324, math.MaxInt64}
	oddDurations = []any{"0s", "87600h0m0s", "1ns"}
	oddValues    = []any{nil, "", map[string]any{}, []any{nil, true, 1}, int64(math.MaxInt64), deep(50)}
)

func deep(n int) any {
	var v any = "deep"
	for range n {
		v = []any{v}
	}
	return v
}

// oddVariants is how many odd inputs an action is given.
const oddVariants = 9

// odd is the nth odd value of a type.
func odd(f rules.Field, n int) any {
	pick := func(list []any) any { return list[n%len(list)] }
	switch f.Type.Kind {
	case rules.KindString:
		if len(f.Enum) > 0 {
			return f.Enum[n%len(f.Enum)]
		}
		return pick(oddTexts)
	case rules.KindInt:
		return pick(oddInts)
	case rules.KindFloat:
		return pick(oddNumbers)
	case rules.KindBool:
		return n%2 == 0
	case rules.KindDuration:
		return pick(oddDurations)
	case rules.KindList:
		out := make([]any, []int{0, 1, 1000}[n%3])
		for i := range out {
			out[i] = odd(elem(f), n+i)
			if s, ok := out[i].(string); ok && len(s) > 100 {
				out[i] = "x"
			}
		}
		return out
	case rules.KindMap:
		if n%2 == 0 {
			return map[string]any{}
		}
		return map[string]any{"": odd(elem(f), n), "__proto__": odd(elem(f), n+1), "键": odd(elem(f), n+2)}
	case rules.KindObject:
		out := make(map[string]any)
		for _, g := range f.Type.Fields {
			out[g.Name] = odd(g, n)
		}
		return out
	}
	return pick(oddValues)
}

func odds(fields []rules.Field, n int) map[string]any {
	out := make(map[string]any)
	for _, f := range fields {
		v := odd(f, n)
		if v == nil { // a bot leaves it out
			if f.Required {
				v = "test"
			} else {
				continue
			}
		}
		out[f.Name] = v
	}
	return out
}

// big are inputs nearly as large as can be; nil when no text is among them.
func big(fields []rules.Field) map[string]any {
	out := samples(fields, true)
	for _, f := range fields {
		if (f.Type.Kind == rules.KindString && f.Enum == nil) || f.Type.Kind == rules.KindAny {
			out[f.Name] = strings.Repeat("large ", 150_000)
			return out
		}
	}
	return nil
}
