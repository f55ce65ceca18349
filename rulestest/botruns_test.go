package rulestest

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/timbot-go/timbot/bot"
)

func TestRunFor(t *testing.T) {
	const text = wrongHead + "rules:\n  - {id: hello, on: message, match: {any_of: [hi]}, do: [reply: hello]}\n"
	tests := func(answer string) string {
		return "version: 1\nrules: [bot.yaml]\ntests:\n  - {name: greets, send: {from: a, text: hi}, expect: [reply: " + answer + "]}\n"
	}
	for _, test := range []struct {
		name  string
		files map[string]string
		want  []string // what each failure has in it
	}{
		{"they pass", map[string]string{"bot.yaml": text, "bot_test.yaml": tests("hello")}, nil},
		{"one fails", map[string]string{"bot.yaml": text, "bot_test.yaml": tests("ho")}, []string{`bot_test.yaml:4: test "greets": `}},
		{"there are none", map[string]string{"bot.yaml": text}, []string{"there are no tests of these rules"}},
		{"those of another bot below", map[string]string{
			"bot.yaml": text, "bot_test.yaml": tests("hello"), "b/bot.yaml": text, "b/bot_test.yaml": tests("ho"),
		}, nil},
		{"one cannot be read", map[string]string{"bot.yaml": text, "bot_test.yaml": "version: 2\n"}, []string{"bot_test.yaml cannot be read: "}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := writeBot(t, test.files)
			set := loadRules(t, filepath.Join(dir, "bot.yaml"), nil)
			failed, err := RunFor(t.Context(), bot.Files{Dir: dir, Name: "bot.yaml"}, set.Set, registry(), time.Now)
			if err != nil || !slices.EqualFunc(failed, test.want, strings.Contains) {
				t.Errorf("%q, %v", failed, err)
			}
		})
	}
}
