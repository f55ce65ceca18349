package actions

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestLog(t *testing.T) {
	for _, tt := range []struct {
		in   args
		want string
	}{
		{args{"text": "hi"}, "level=INFO msg=hi"},
		{args{"text": "hi", "level": "debug"}, "level=DEBUG msg=hi"},
		{args{"text": "库存不足", "level": "warn", "attrs": args{"item": 42, "a": true, "rule": "x"}},
			"level=WARN msg=库存不足 attrs.a=true attrs.item=42 attrs.rule=x"},
		{args{"text": "hi", "level": "error"}, "level=ERROR msg=hi"},
	} {
		var b bytes.Buffer
		c := newCall(t, new(recorder))
		c.Log = slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{
			Level: slog.LevelDebug,
			ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			},
		}))
		res, err := Log.Run(t.Context(), c, tt.in)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(b.String()); got != tt.want || res.Text != tt.in["text"] {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
	if _, err := Log.Run(t.Context(), newCall(t, nil), args{"text": "a", "level": "fatal"}); err == nil {
		t.Error("level fatal was taken")
	}
}
