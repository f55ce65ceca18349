package sdkconn_test

import (
	"io"

	"github.com/go-json-experiment/json"
)

func unmarshalRead(r io.Reader, v any) error { return json.UnmarshalRead(r, v) }

// slow gives seven bytes at a time.
type slow struct{ r io.Reader }

func (s *slow) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), 7)]) }
