package local

import (
	"context"
	"errors"

	"github.com/timbot-go/timbot/sdkconn"
)

// maxBatchUsers bounds the users of one BatchSend, as the service does.
const maxBatchUsers = 500

// BatchSend implements [sdkconn.Conn]. All messages share one commit. More than 500 users are
// CodeSvrMsgToAccountCountLimit.
func (c *Conn) BatchSend(ctx context.Context, users []string, msg *sdkconn.Message) ([]sdkconn.BatchSendResult, error) {
	const op = "BatchSend"
	if emptyMessage(msg) {
		return nil, fail(op, sdkconn.CodeJSON, "no message")
	}
	if len(users) == 0 {
		return nil, fail(op, sdkconn.CodeInvalidParameters, "no users")
	}
	if len(users) > maxBatchUsers {
		return nil, fail(op, sdkconn.CodeSvrMsgToAccountCountLimit, "%d users, at most %d", len(users), maxBatchUsers)
	}
	d, err := c.draft(ctx, op, msg)
	if err != nil {
		return nil, err
	}
	rows := make([]*row, len(users))
	refused := make([]error, len(users))
	err = c.write(ctx, op, func(t *tx) error {
		for i, name := range users {
			var refusal *sdkconn.Error
			rows[i], refused[i] = t.send(op, c.user, sdkconn.C2C(name), d)
			if refused[i] != nil && !errors.As(refused[i], &refusal) {
				return refused[i]
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	results := make([]sdkconn.BatchSendResult, len(users))
	sent, common := 0, sdkconn.CodeOf(refused[0])
	for i, name := range users {
		results[i].User = name
		if refused[i] == nil {
			sent++
			results[i].Msg = rows[i].forSender(c.user, sdkconn.C2C(name))
			continue
		}
		var e *sdkconn.Error
		errors.As(refused[i], &e)
		results[i].Code, results[i].Desc = e.Code, e.Desc
		if e.Code != common {
			common = sdkconn.CodeNoSuccResult
		}
	}
	if sent == 0 {
		return results, fail(op, common, "no message was sent")
	}
	return results, nil
}
