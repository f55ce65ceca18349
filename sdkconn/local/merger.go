package local

import (
	"context"

	"github.com/timbot-go/timbot/sdkconn"
)

// MsgDownloadMergerMessage implements [sdkconn.MergerDownloader]. What the file has of the message counts; a message that is
// in no conversation, because it was in a bundle itself, is taken as it is.
func (c *Conn) MsgDownloadMergerMessage(ctx context.Context, msg *sdkconn.Message) ([]*sdkconn.Message, error) {
	const op = "MsgDownloadMergerMessage"
	if emptyMessage(msg) {
		return nil, fail(op, sdkconn.CodeJSON, "no message")
	}
	loc, conv, elems := msg.Locator(), msg.Conversation(), msg.Elems
	err := c.read(ctx, op, func(l *lookup) error {
		if !conv.Valid() {
			return nil
		}
		r, err := l.room(c.user, conv)
		if err != nil || r == nil {
			return err
		}
		v, err := l.view(c.user.id, r)
		if err != nil {
			return err
		}
		list, err := l.history(c.user, r, v, query{limit: 1, only: &loc})
		if len(list) > 0 {
			elems = list[0].Elems
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, e := range elems {
		m, ok := e.(*sdkconn.MergeElem)
		switch {
		case !ok || m == nil:
			continue
		case m.LayerOverLimit:
			return nil, fail(op, sdkconn.CodeMergerMsgLayersOverLimit, "more than %d layers", sdkconn.MaxMergedLayers)
		}
		if own, ok := cloneElem(m).(*sdkconn.MergeElem); ok && own != m {
			return own.Messages, nil
		}
		return nil, fail(op, sdkconn.CodeInvalidMsgElem, "the merge element cannot be read")
	}
	return nil, fail(op, sdkconn.CodeInvalidParameters, "no merge element")
}
