package sdkconn_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestErrorsKeepTheirCode(t *testing.T) {
	plain := &sdkconn.Error{Op: "Revoke", Code: sdkconn.CodeRevokeTimeLimit, Desc: "too late"}
	behind := &sdkconn.Error{Op: "SendNewMsg", Code: sdkconn.CodeFileNotFound, Err: &fs.PathError{Op: "open", Path: "a.png", Err: fs.ErrNotExist}}
	for name, c := range map[string]struct {
		err  error
		code sdkconn.Code
		text string
	}{
		"nil":             {nil, 0, ""},
		"none of ours":    {errors.New("x"), 0, "x"},
		"bare code":       {sdkconn.CodeGroupNotFound, sdkconn.CodeGroupNotFound, "10010 ERR_SVR_GROUP_NOT_FOUND"},
		"unnamed code":    {sdkconn.Code(123456), 123456, "123456"},
		"error":           {plain, sdkconn.CodeRevokeTimeLimit, "Revoke: 20016 ERR_SVR_MSG_REVOKE_TIME_LIMIT: too late"},
		"wrapped":         {fmt.Errorf("step 2: %w", plain), sdkconn.CodeRevokeTimeLimit, "step 2: Revoke: 20016 ERR_SVR_MSG_REVOKE_TIME_LIMIT: too late"},
		"joined":          {errors.Join(errors.New("x"), plain), sdkconn.CodeRevokeTimeLimit, "x\nRevoke: 20016 ERR_SVR_MSG_REVOKE_TIME_LIMIT: too late"},
		"wrapped code":    {fmt.Errorf("x: %w", sdkconn.CodeJSON), sdkconn.CodeJSON, "x: " + sdkconn.CodeJSON.Error()},
		"with a cause":    {behind, sdkconn.CodeFileNotFound, "SendNewMsg: 7004 ERR_SDK_COMM_FILE_NOT_FOUND: open a.png: file does not exist"},
		"outermost first": {sdkconn.Errorf("BatchSend", sdkconn.CodeNoSuccResult, "all failed: %w", plain), sdkconn.CodeNoSuccResult, "BatchSend: 6003 ERR_NO_SUCC_RESULT: all failed: Revoke: 20016 ERR_SVR_MSG_REVOKE_TIME_LIMIT: too late"},
		"a code behind":   {sdkconn.Errorf("X", sdkconn.CodeParam, "%w", sdkconn.CodeJSON), sdkconn.CodeParam, "X: " + sdkconn.CodeParam.Error() + ": " + sdkconn.CodeJSON.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sdkconn.CodeOf(c.err); got != c.code {
				t.Errorf("CodeOf: got %d, want %d", got, c.code)
			}
			if c.err == nil {
				return
			}
			if got := c.err.Error(); got != c.text {
				t.Errorf("got  %s\nwant %s", got, c.text)
			}
			if c.code != 0 && !errors.Is(c.err, c.code) {
				t.Errorf("errors.Is denies %d", c.code)
			}
			if errors.Is(c.err, sdkconn.CodeOutOfMemory) {
				t.Error("errors.Is says yes to any code")
			}
		})
	}
	if !errors.Is(behind, fs.ErrNotExist) {
		t.Error("the cause cannot be asked for")
	}
}

func TestErrorfWraps(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	for name, c := range map[string]struct {
		err  *sdkconn.Error
		text string
		is   []error
	}{
		"nothing": {sdkconn.Errorf("X", 1, "count %d", 0), "X: 1: count 0", nil},
		"one":     {sdkconn.Errorf("X", 1, "a: %w", one), "X: 1: a: one", []error{one}},
		"two":     {sdkconn.Errorf("X", 1, "%w and %w", one, two), "X: 1: one and two", []error{one, two}},
	} {
		if got := c.err.Error(); got != c.text {
			t.Errorf("%s: got %q, want %q", name, got, c.text)
		}
		if (c.err.Err != nil) != (c.is != nil) {
			t.Errorf("%s: Err is %v", name, c.err.Err)
		}
		for _, target := range c.is {
			if !errors.Is(c.err, target) {
				t.Errorf("%s: errors.Is denies %v", name, target)
			}
		}
	}
}

func TestRetryableAndEffectUnknown(t *testing.T) {
	type answer struct{ retry, unknown bool }
	want := map[sdkconn.Code]answer{
		sdkconn.CodeRequestTimeout:     {true, true},
		sdkconn.CodeReqNoNetOnReq:      {true, false},
		sdkconn.CodeReqNoNetOnRsp:      {true, true},
		sdkconn.CodeInterrupt:          {true, true},
		sdkconn.CodeNetFreqLimit:       {true, false},
		sdkconn.CodeNetReqCountLimit:   {true, false},
		sdkconn.CodeNetDisconnect:      {true, true},
		sdkconn.CodeNetAlreadyConn:     {false, false},
		9513:                           {true, true},
		9517:                           {true, true},
		sdkconn.CodeNetWaitSendTimeout: {true, false},
		sdkconn.CodeNetWaitAckTimeout:  {true, true},
		sdkconn.CodeNetPkgSizeLimit:    {false, false},
		9525:                           {true, true},
		9526:                           {false, false},
		10002:                          {true, false},
		10006:                          {true, false},
		10023:                          {true, false},
		20004:                          {true, true},
		20005:                          {true, false},
		60007:                          {true, false},
		60008:                          {true, true},
		60018:                          {true, false},
		60019:                          {true, false},
		70169:                          {true, true},
		70500:                          {true, false},
		90992:                          {true, false},
		90994:                          {true, false},
		90995:                          {true, false},
		91000:                          {true, false},
		91001:                          {false, false},
		sdkconn.CodeJSON:               {false, false},
		sdkconn.CodeParam:              {false, false},
		sdkconn.CodeNotLoggedIn:        {false, false},
		sdkconn.CodeInvalidParameters:  {false, false},
		sdkconn.CodeMsgBodySizeLimit:   {false, false},
		sdkconn.CodeRevokeTimeLimit:    {false, false},
		sdkconn.CodeGroupNotFound:      {false, false},
		sdkconn.CodeSensitiveText:      {false, false},
	}
	for code, w := range want {
		err := fmt.Errorf("step: %w", &sdkconn.Error{Op: "SendNewMsg", Code: code})
		if got := sdkconn.Retryable(err); got != w.retry {
			t.Errorf("Retryable(%v): got %v", code, got)
		}
		if got := sdkconn.EffectUnknown(err); got != w.unknown {
			t.Errorf("EffectUnknown(%v): got %v", code, got)
		}
	}
	for _, code := range []sdkconn.Code{7008, 9506, 9507, 10006, 10023, 60007, 60011, 60018, 60019, 90057} {
		err := fmt.Errorf("step: %w", &sdkconn.Error{Op: "SendNewMsg", Code: code})
		if !sdkconn.FrequencyLimit(err) || !sdkconn.Retryable(err) || sdkconn.EffectUnknown(err) {
			t.Errorf("%v: want a refusal that passes", code)
		}
	}
	for _, err := range []error{nil, errors.New("x"), sdkconn.CodeRequestTimeout, sdkconn.CodeNetDisconnect} {
		if sdkconn.FrequencyLimit(err) {
			t.Errorf("%v: is no limit of frequency", err)
		}
	}
	for _, err := range []error{nil, errors.New("x")} {
		if sdkconn.Retryable(err) || sdkconn.EffectUnknown(err) {
			t.Errorf("%v: yes", err)
		}
	}
	for _, err := range []error{context.Canceled, fmt.Errorf("send: %w", context.DeadlineExceeded)} {
		if sdkconn.Retryable(err) || !sdkconn.EffectUnknown(err) {
			t.Errorf("%v: a call that ended with its context may have taken effect", err)
		}
	}
}

func TestBatchSendResultErr(t *testing.T) {
	if err := (sdkconn.BatchSendResult{User: "a"}).Err(); err != nil {
		t.Error(err)
	}
	err := sdkconn.BatchSendResult{User: "a", Code: sdkconn.CodeSvrMsgInvalidID, Desc: "no such user"}.Err()
	if !errors.Is(err, sdkconn.CodeSvrMsgInvalidID) {
		t.Error(err)
	}
}
