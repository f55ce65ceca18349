package native

import (
	"flag"
	"testing"

	"github.com/timbot-go/timbot/sdkconn/libimsdk/tencent"
)

// missing is the program without which nothing here can be tested.
var missing = tencent.Missing("gcc", "npm", "unshare")

// onlyTools leaves TestTools alone to run, which says what is missing.
func onlyTools() {
	flag.Parse()
	for name, value := range map[string]string{"test.run": "^TestTools$", "test.bench": "^$", "test.fuzz": ""} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
}

func TestTools(t *testing.T) {
	if missing != "" {
		t.Skipf("the tests of the native connection need %s: gcc for our drop-in library, npm and unshare for the real one", missing)
	}
}
