package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/timbot-go/timbot/sdkconn"
)

// fail makes an error of the service's kind.
func fail(op string, code sdkconn.Code, format string, args ...any) error {
	return sdkconn.Errorf(op, code, format, args...)
}

// dbError makes an error of the service's kind from any other; one that is of that kind already only gets its op.
func dbError(op string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var e *sdkconn.Error
	if errors.As(err, &e) {
		return err
	}
	return &sdkconn.Error{Op: op, Code: sdkconn.CodeDatabaseFailure, Err: err}
}

// interrupted wraps what ended a call's context, so that EffectUnknown recognises it.
func interrupted(ctx context.Context, op string) error {
	return fmt.Errorf("%s: %w", op, ctx.Err())
}
