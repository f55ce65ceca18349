package face

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/timbot-go/timbot/sdkconn"
)

// encode writes v as the SDK does, which escapes slashes too.
func encode(v any) string {
	data, err := sdkconn.Marshal(v)
	if err != nil {
		return "" // nothing that came out of a connection
	}
	return string(bytes.ReplaceAll(data, []byte("/"), []byte(`\/`)))
}

// outcome is what a Reply says of an error.
func outcome(err error) (sdkconn.Code, string) {
	if err == nil {
		return 0, ""
	}
	desc, code := err.Error(), sdkconn.CodeOf(err)
	var e *sdkconn.Error
	if errors.As(err, &e) {
		if desc = e.Desc; desc == "" {
			desc = e.Code.Text()
		}
		if e.Err != nil && !strings.Contains(desc, e.Err.Error()) {
			desc += ": " + e.Err.Error()
		}
	}
	switch {
	case errors.Is(err, context.Canceled):
		return sdkconn.CodeInterrupt, "interrupted"
	case code == 0:
		return sdkconn.CodeInternalError, desc
	case code < 0: // what a call returns at once never comes late
		return sdkconn.CodeInvalidParameters, desc
	}
	return code, desc
}
