package native

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/timbot-go/timbot/sdkconn"
)

// empty reports whether nothing was given. The real library crashes on a list with an empty message in it.
func empty(m *sdkconn.Message) bool {
	if m == nil {
		return true
	}
	c := *m
	c.ReceiptUnreadCount = 0
	return reflect.DeepEqual(c, sdkconn.Message{})
}

func checkConv(op string, conv sdkconn.Conversation) error {
	if !conv.Valid() {
		return fail(op, sdkconn.CodeParam, "conversation %s", conv)
	}
	return nil
}

func checkMsg(op string, conv sdkconn.Conversation, m *sdkconn.Message) error {
	if err := checkConv(op, conv); err != nil {
		return err
	}
	if empty(m) {
		return fail(op, sdkconn.CodeJSON, "no message")
	}
	return nil
}

// checkList refuses the lists of messages that crash the library.
func checkList(op string, conv sdkconn.Conversation, msgs []*sdkconn.Message) error {
	if err := checkConv(op, conv); err != nil {
		return err
	}
	if len(msgs) == 0 {
		return fail(op, sdkconn.CodeJSON, "no messages")
	}
	for i, m := range msgs {
		if empty(m) {
			return fail(op, sdkconn.CodeJSON, "message %d is empty", i)
		}
	}
	return nil
}

// checkElems refuses what the library would drop silently, or leave to the server.
func checkElems(op string, m *sdkconn.Message) error {
	if len(m.Elems) == 0 {
		return fail(op, sdkconn.CodeInvalidMsgElem, "the message has no element")
	}
	for i, e := range m.Elems {
		if v := reflect.ValueOf(e); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
			return fail(op, sdkconn.CodeInvalidMsgElem, "element %d is nil", i)
		}
		if !e.ElemType().Sendable() {
			return fail(op, sdkconn.CodeInvalidMsgElem, "element %d: %s elements cannot be sent", i, e.ElemType())
		}
	}
	if layers(m.Elems) > sdkconn.MaxMergedLayers {
		return fail(op, sdkconn.CodeMergerMsgLayersOverLimit, "more than %d layers of merged messages", sdkconn.MaxMergedLayers)
	}
	return nil
}

// layers is how deep merged messages nest, but no more than one above the limit.
func layers(elems sdkconn.Elems) int {
	level, deep := []sdkconn.Elems{elems}, 0
	for ; deep <= sdkconn.MaxMergedLayers; deep++ {
		var next []sdkconn.Elems
		for _, elems := range level {
			for _, e := range elems {
				if merge, ok := e.(*sdkconn.MergeElem); ok && merge != nil {
					for _, m := range merge.Messages {
						if m != nil {
							next = append(next, m.Elems)
						}
					}
				}
			}
		}
		if len(next) == 0 {
			break
		}
		level = next
	}
	return deep
}

// marshal writes an argument.
func marshal(op string, v any) (string, error) {
	data, err := sdkconn.Marshal(v)
	if err != nil {
		return "", &sdkconn.Error{Op: op, Code: sdkconn.CodeJSON, Err: err}
	}
	return string(data), nil
}

// read reads an answer.
func read(op string, data []byte, v any) error {
	if err := sdkconn.Unmarshal(data, v); err != nil {
		return &sdkconn.Error{Op: op, Code: sdkconn.CodeParseResponseFailed, Err: err}
	}
	return nil
}

// convArgs are the arguments with which most message calls begin.
func convArgs(conv sdkconn.Conversation, rest ...any) []any {
	return append([]any{conv.ID, uint64(conv.Type)}, rest...)
}

// SendNewMsg implements [sdkconn.Conn].
func (c *Conn) SendNewMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	const op = "SendNewMsg"
	if err := checkMsg(op, conv, msg); err != nil {
		return nil, err
	}
	if err := checkElems(op, msg); err != nil {
		return nil, err
	}
	text, err := c.message(op, msg)
	if err != nil {
		return nil, err
	}
	data, err := c.doWith(ctx, op, c.uploading(msg, conv), "TIMMsgSendNewMsg", convArgs(conv, text)...)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 { // the SDK of March 2019 does not tell it
		sent := *msg
		sent.ConvID, sent.ConvType, sent.Sender, sent.IsFromSelf, sent.Status = conv.ID, conv.Type, c.o.user, true, sdkconn.StatusSendSucc
		return &sent, nil
	}
	sent := new(sdkconn.Message)
	return sent, read(op, data, sent)
}

// message writes a message to be sent, with the old spellings too where the library may be old.
func (c *Conn) message(op string, msg *sdkconn.Message) (string, error) {
	text, err := marshal(op, msg)
	if err != nil || msg.OfflinePush == nil || !c.old() {
		return text, err
	}
	push, err := marshal(op, msg.OfflinePush)
	return addMember(text, "message_offlie_push_config", push), err
}

// addMember puts a member into a JSON object that has some.
func addMember(object, key, value string) string {
	return "{" + strconv.Quote(key) + ":" + value + "," + strings.TrimPrefix(object, "{")
}

// old reports whether the library may know the old spellings only, which went with 7.5.
func (c *Conn) old() bool {
	c.mu.Lock()
	version := c.version
	c.mu.Unlock()
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	m, err := strconv.Atoi(major)
	n, err2 := strconv.Atoi(minor)
	return err != nil || err2 != nil || m < 7 || m == 7 && n < 5
}

// uploading has the progress of msg's files told to the callback that is set, if one is.
func (c *Conn) uploading(msg *sdkconn.Message, convs ...sdkconn.Conversation) progress {
	f := c.uploads.Load()
	if f == nil || *f == nil {
		return progress{}
	}
	return progress{
		upload: func(s signal) bool { return isUploadOf(s, msg, convs) },
		told: func(s signal) {
			(*f)(msg, int(s.numbers[0]), s.numbers[1], s.numbers[2])
		},
	}
}

// isUploadOf reports whether the library speaks of msg: it tells the message as it has it.
func isUploadOf(s signal, msg *sdkconn.Message, convs []sdkconn.Conversation) bool {
	var m sdkconn.Message
	if len(s.numbers) != 3 || sdkconn.Unmarshal(s.json, &m) != nil {
		return false
	}
	i := int(s.numbers[0])
	if i < 0 || i >= len(msg.Elems) || i >= len(m.Elems) || m.CloudCustom != msg.CloudCustom {
		return false
	}
	if m.ConvID != "" && !slices.Contains(convs, m.Conversation()) {
		return false
	}
	return elemPath(m.Elems[i]) == elemPath(msg.Elems[i])
}

func elemPath(e sdkconn.Elem) string {
	switch e := e.(type) {
	case *sdkconn.ImageElem:
		return e.OrigPath
	case *sdkconn.SoundElem:
		return e.FilePath
	case *sdkconn.FileElem:
		return e.FilePath
	case *sdkconn.VideoElem:
		return e.VideoPath
	}
	return ""
}

// SetMsgElemUploadProgressCallback implements [sdkconn.UploadProgress].
func (c *Conn) SetMsgElemUploadProgressCallback(f func(msg *sdkconn.Message, elem int, current, total uint64)) {
	c.uploads.Store(&f)
}

// ReportReaded implements [sdkconn.Conn].
func (c *Conn) ReportReaded(ctx context.Context, conv sdkconn.Conversation, upTo *sdkconn.Message) error {
	const op = "ReportReaded"
	if conv.Type != sdkconn.ConvC2C && conv.Type != sdkconn.ConvGroup {
		return fail(op, sdkconn.CodeParam, "conversation %s", conv)
	}
	text := ""
	if upTo != nil {
		var err error
		if text, err = marshal(op, upTo); err != nil {
			return err
		}
	}
	_, err := c.do(ctx, op, "TIMMsgReportReaded", convArgs(conv, text)...)
	return err
}

// Revoke implements [sdkconn.Conn].
func (c *Conn) Revoke(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	return c.withMsg(ctx, "Revoke", "TIMMsgRevoke", conv, msg)
}

// SaveMsg implements [sdkconn.Conn].
func (c *Conn) SaveMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	return c.withMsg(ctx, "SaveMsg", "TIMMsgSaveMsg", conv, msg)
}

func (c *Conn) withMsg(ctx context.Context, op, function string, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	if err := checkMsg(op, conv, msg); err != nil {
		return err
	}
	text, err := marshal(op, msg)
	if err != nil {
		return err
	}
	_, err = c.do(ctx, op, function, convArgs(conv, text)...)
	return err
}

// FindByMsgLocatorList implements [sdkconn.Conn].
func (c *Conn) FindByMsgLocatorList(ctx context.Context, conv sdkconn.Conversation, locators []sdkconn.Locator) ([]*sdkconn.Message, error) {
	const op = "FindByMsgLocatorList"
	if err := checkConv(op, conv); err != nil {
		return nil, err
	}
	if len(locators) == 0 {
		return nil, fail(op, sdkconn.CodeInvalidParameters, "empty message_locator_list")
	}
	text, err := marshal(op, locators)
	if err != nil {
		return nil, err
	}
	data, err := c.do(ctx, op, "TIMMsgFindByMsgLocatorList", convArgs(conv, text)...)
	if err != nil {
		return nil, err
	}
	return readMsgs(op, data)
}

func readMsgs(op string, data []byte) ([]*sdkconn.Message, error) {
	var msgs []*sdkconn.Message
	if len(data) == 0 {
		return nil, nil
	}
	err := read(op, data, &msgs)
	return msgs, err
}

// ImportMsgList implements [sdkconn.Conn].
func (c *Conn) ImportMsgList(ctx context.Context, conv sdkconn.Conversation, msgs []*sdkconn.Message) error {
	return c.withList(ctx, "ImportMsgList", "TIMMsgImportMsgList", conv, msgs)
}

// MsgListDelete implements [sdkconn.MessageListDeleter].
func (c *Conn) MsgListDelete(ctx context.Context, conv sdkconn.Conversation, msgs []*sdkconn.Message) error {
	return c.withList(ctx, "MsgListDelete", "TIMMsgListDelete", conv, msgs)
}

func (c *Conn) withList(ctx context.Context, op, function string, conv sdkconn.Conversation, msgs []*sdkconn.Message) error {
	if err := checkList(op, conv, msgs); err != nil {
		return err
	}
	text, err := marshal(op, msgs)
	if err != nil {
		return err
	}
	_, err = c.do(ctx, op, function, convArgs(conv, text)...)
	return err
}

// GetMsgList implements [sdkconn.Conn].
func (c *Conn) GetMsgList(ctx context.Context, conv sdkconn.Conversation, param sdkconn.GetMsgListParam) ([]*sdkconn.Message, error) {
	const op = "GetMsgList"
	if err := checkConv(op, conv); err != nil {
		return nil, err
	}
	var page []*sdkconn.Message
	_, err := c.with(ctx, op, func(s *session) (_ []byte, err error) {
		page, err = getMsgList(ctx, s, op, conv, param)
		return nil, err
	})
	return page, err
}

func getMsgList(ctx context.Context, s *session, op string, conv sdkconn.Conversation, param sdkconn.GetMsgListParam) ([]*sdkconn.Message, error) {
	text, err := marshal(op, param)
	if err != nil {
		return nil, err
	}
	// Libraries before 7.5 know the old spelling, later ones do not look at it.
	text = addMember(text, "msg_getmsglist_param_is_remble", strconv.FormatBool(param.IsRamble))
	data, err := s.do(ctx, op, "TIMMsgGetMsgList", convArgs(conv, text)...)
	if err != nil {
		return nil, err
	}
	return readMsgs(op, data)
}

// Delete implements [sdkconn.Conn]. Today's libraries clear a conversation with another function, which clears it on the
// server too.
func (c *Conn) Delete(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	const op = "Delete"
	if err := checkConv(op, conv); err != nil {
		return err
	}
	if msg == nil && !c.old() {
		_, err := c.do(ctx, op, "TIMMsgClearHistoryMessage", convArgs(conv)...)
		return err
	}
	if msg != nil && empty(msg) {
		return fail(op, sdkconn.CodeJSON, "the message is empty")
	}
	text, err := marshal(op, sdkconn.DeleteParam{Msg: msg})
	if err != nil {
		return err
	}
	_, err = c.do(ctx, op, "TIMMsgDelete", convArgs(conv, text)...)
	return err
}

// MsgClearHistoryMessage implements [sdkconn.HistoryClearer].
func (c *Conn) MsgClearHistoryMessage(ctx context.Context, conv sdkconn.Conversation) error {
	const op = "MsgClearHistoryMessage"
	if err := checkConv(op, conv); err != nil {
		return err
	}
	_, err := c.do(ctx, op, "TIMMsgClearHistoryMessage", convArgs(conv)...)
	return err
}

// BatchSend implements [sdkconn.Conn].
func (c *Conn) BatchSend(ctx context.Context, users []string, msg *sdkconn.Message) ([]sdkconn.BatchSendResult, error) {
	const op = "BatchSend"
	if len(users) == 0 { // the library never answers
		return nil, fail(op, sdkconn.CodeInvalidParameters, "no users")
	}
	if empty(msg) {
		return nil, fail(op, sdkconn.CodeJSON, "no message")
	}
	if err := checkElems(op, msg); err != nil {
		return nil, err
	}
	text, err := c.message(op, msg)
	if err != nil {
		return nil, err
	}
	ids, err := marshal(op, users)
	if err != nil {
		return nil, err
	}
	convs := make([]sdkconn.Conversation, len(users))
	for i, u := range users {
		convs[i] = sdkconn.C2C(u)
	}
	param := `{"msg_batch_send_param_identifier_array":` + ids + `,"msg_batch_send_param_msg":` + text + `}`
	data, err := c.doWith(ctx, op, c.uploading(msg, convs...), "TIMMsgBatchSend", param)
	var results []sdkconn.BatchSendResult
	if len(data) > 0 {
		if rerr := read(op, data, &results); rerr != nil && err == nil {
			err = rerr
		}
	}
	return batchOutcome(op, users, results, err)
}

// batchOutcome puts the results into the order of the users; the library's order and its overall code are not documented.
func batchOutcome(op string, users []string, results []sdkconn.BatchSendResult, err error) ([]sdkconn.BatchSendResult, error) {
	if len(results) == 0 {
		return nil, err
	}
	byUser := make(map[string][]sdkconn.BatchSendResult)
	for _, r := range results {
		byUser[r.User] = append(byUser[r.User], r)
	}
	ordered := make([]sdkconn.BatchSendResult, len(users))
	for i, u := range users {
		ordered[i] = sdkconn.BatchSendResult{User: u, Code: sdkconn.CodeParseResponseFailed, Desc: "the SDK did not say"}
		if list := byUser[u]; len(list) > 0 {
			ordered[i], byUser[u] = list[0], list[1:]
		}
	}
	shared := ordered[0].Code
	for _, r := range ordered {
		if r.Code == 0 {
			return ordered, nil
		}
		if r.Code != shared {
			shared = sdkconn.CodeNoSuccResult
		}
	}
	return ordered, fail(op, shared, "%s", ordered[0].Desc)
}

// MsgFindMessages implements [sdkconn.MessageFinder].
func (c *Conn) MsgFindMessages(ctx context.Context, msgIDs []string) ([]*sdkconn.Message, error) {
	const op = "MsgFindMessages"
	if len(msgIDs) == 0 {
		return nil, fail(op, sdkconn.CodeInvalidParameters, "message_id_list is empty")
	}
	text, err := marshal(op, msgIDs)
	if err != nil {
		return nil, err
	}
	data, err := c.do(ctx, op, "TIMMsgFindMessages", text)
	if err != nil {
		return nil, err
	}
	return readMsgs(op, data)
}

// MsgModifyMessage implements [sdkconn.MessageModifier].
func (c *Conn) MsgModifyMessage(ctx context.Context, msg *sdkconn.Message) (*sdkconn.Message, error) {
	const op = "MsgModifyMessage"
	if empty(msg) {
		return nil, fail(op, sdkconn.CodeJSON, "no message")
	}
	if err := checkConv(op, msg.Conversation()); err != nil {
		return nil, err
	}
	if err := checkElems(op, msg); err != nil {
		return nil, err
	}
	text, err := marshal(op, msg)
	if err != nil {
		return nil, err
	}
	data, err := c.do(ctx, op, "TIMMsgModifyMessage", text)
	if err != nil && sdkconn.CodeOf(err) != sdkconn.CodeMsgModifyConflict {
		return nil, err
	}
	newest := new(sdkconn.Message)
	if len(data) == 0 {
		return nil, err
	}
	if rerr := read(op, data, newest); rerr != nil {
		return nil, rerr
	}
	return newest, err
}

// MsgSetLocalCustomData implements [sdkconn.LocalCustomData].
func (c *Conn) MsgSetLocalCustomData(ctx context.Context, msg *sdkconn.Message) error {
	const op = "MsgSetLocalCustomData"
	if empty(msg) {
		return fail(op, sdkconn.CodeJSON, "no message")
	}
	if err := checkConv(op, msg.Conversation()); err != nil {
		return err
	}
	text, err := marshal(op, msg)
	if err != nil {
		return err
	}
	_, err = c.do(ctx, op, "TIMMsgSetLocalCustomData", text)
	return err
}

// MsgDownloadMergerMessage implements [sdkconn.MergerDownloader].
func (c *Conn) MsgDownloadMergerMessage(ctx context.Context, msg *sdkconn.Message) ([]*sdkconn.Message, error) {
	const op = "MsgDownloadMergerMessage"
	if empty(msg) {
		return nil, fail(op, sdkconn.CodeJSON, "no message")
	}
	if layers(msg.Elems) > sdkconn.MaxMergedLayers {
		return nil, fail(op, sdkconn.CodeMergerMsgLayersOverLimit, "more than %d layers of merged messages", sdkconn.MaxMergedLayers)
	}
	text, err := marshal(op, msg)
	if err != nil {
		return nil, err
	}
	data, err := c.do(ctx, op, "TIMMsgDownloadMergerMessage", text)
	if err != nil {
		return nil, err
	}
	return readMsgs(op, data)
}

// MsgSearchLocalMessages implements [sdkconn.MessageSearcher].
func (c *Conn) MsgSearchLocalMessages(ctx context.Context, param sdkconn.SearchParam) (*sdkconn.SearchResult, error) {
	const op = "MsgSearchLocalMessages"
	if (param.ConvID != "" || param.ConvType != 0) && !(sdkconn.Conversation{ID: param.ConvID, Type: param.ConvType}).Valid() {
		return nil, fail(op, sdkconn.CodeParam, "conversation %s", sdkconn.Conversation{ID: param.ConvID, Type: param.ConvType})
	}
	text, err := marshal(op, param)
	if err != nil {
		return nil, err
	}
	data, err := c.do(ctx, op, "TIMMsgSearchLocalMessages", text)
	if err != nil {
		return nil, err
	}
	found := new(sdkconn.SearchResult)
	return found, read(op, data, found)
}
