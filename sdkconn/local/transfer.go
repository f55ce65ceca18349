package local

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/timbot-go/timbot/sdkconn"
)

// Export writes what the user sees of all his conversations, one message a line in the SDK's own JSON: one conversation
// after the other, the oldest message first, and returns how many. It is the file as of one moment, and logs nobody in. The
// files of pictures and the like are not part of it. Errors: CodeSvrMsgInvalidID for an unknown user, and w's.
func (c *Chat) Export(ctx context.Context, user string, w io.Writer) (n int, err error) {
	const op = "Export"
	if err := c.check(op); err != nil {
		return 0, err
	}
	conn, err := c.borrow(ctx, op, user)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriter(w)
	err = c.e.read(ctx, op, func(l *lookup) error {
		rooms, err := l.roomsOf(conn.user, sdkconn.ConvInvalid)
		if err != nil {
			return err
		}
		for _, r := range rooms {
			v, err := l.view(conn.user.id, r)
			if err != nil {
				return err
			}
			for q := (query{forward: true, limit: transferLines}); ; {
				list, err := l.history(conn.user, r, v, q)
				if err != nil {
					return err
				}
				for _, m := range list {
					data, err := sdkconn.Marshal(m)
					if err != nil {
						return err
					}
					if _, err := out.Write(append(data, '\n')); err != nil {
						return exportFailed(op, err)
					}
					n++
				}
				if len(list) < transferLines {
					break
				}
				if err := ctx.Err(); err != nil {
					return interrupted(ctx, op)
				}
				last := list[len(list)-1]
				q.from = &key{last.Time(), last.Seq, last.Rand}
			}
		}
		if err := out.Flush(); err != nil {
			return exportFailed(op, err)
		}
		return nil
	})
	return n, err
}

func exportFailed(op string, err error) error {
	return &sdkconn.Error{Op: op, Code: sdkconn.CodeIOOperationFailed, Err: err}
}

// transferLines is how many messages are read, or written in one commit, at once.
const transferLines = 500

// maxLine bounds a line of Import, in bytes.
const maxLine = 16 << 20

// Import reads messages as Export writes them and adds them to the user's own history, each to the conversation that it
// names, as ImportMsgList does: with StatusLocalImported, and nothing for one that is there already. It logs nobody in. An
// error names the line; what came before it may have been imported, and importing all of it again is harmless. Errors:
// CodeSvrMsgInvalidID for an unknown user, CodeJSON, and those of ImportMsgList.
func (c *Chat) Import(ctx context.Context, user string, r io.Reader) (n int, err error) {
	const op = "Import"
	if err := c.check(op); err != nil {
		return 0, err
	}
	conn, err := c.borrow(ctx, op, user)
	if err != nil {
		return 0, err
	}
	var batch []*sdkconn.Message
	line, first := 0, 1
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if err := conn.ImportMsgList(ctx, batch[0].Conversation(), batch); err != nil {
			return fmt.Errorf("lines %d to %d: %w", first, line, err)
		}
		n, batch = n+len(batch), nil
		return nil
	}
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLine)
	for in.Scan() {
		if len(bytes.TrimSpace(in.Bytes())) == 0 {
			line++
			continue
		}
		m, err := sdkconn.UnmarshalMessage(in.Bytes())
		if err == nil && emptyMessage(m) {
			err = errors.New("an empty message")
		}
		if err == nil && !m.Conversation().Valid() {
			err = errors.New("the message names no conversation")
		}
		if err != nil {
			return n, errors.Join(flush(), &sdkconn.Error{Op: op, Code: sdkconn.CodeJSON, Desc: fmt.Sprintf("line %d", line+1), Err: err})
		}
		if len(batch) == transferLines || len(batch) > 0 && batch[0].Conversation() != m.Conversation() {
			if err := flush(); err != nil {
				return n, err
			}
		}
		line++
		if len(batch) == 0 {
			first = line
		}
		batch = append(batch, m)
	}
	if err := in.Err(); err != nil {
		return n, errors.Join(flush(), fmt.Errorf("%s: line %d: %w", op, line+1, err))
	}
	return n, flush()
}
