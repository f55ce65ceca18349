package main

import (
	"os"
	"testing"

	"github.com/timbot-go/timbot/sdkconn/libimsdk/tencent"
)

func TestTheExportsAreWhatTheHeadersSay(t *testing.T) {
	if what := tencent.Missing("npm"); what != "" {
		t.Skipf("the SDK's headers come with %s", what)
	}
	dir, err := tencent.Fetch()
	if err != nil {
		t.Fatal(err)
	}
	want, err := generate(dir, "..", "zexports.go")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../zexports.go")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("zexports.go is old: go generate ./sdkconn/libimsdk")
	}
}
