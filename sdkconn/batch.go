package sdkconn

import "github.com/go-json-experiment/json/jsontext"

// BatchSendParam is the JSON form of what Conn.BatchSend takes.
type BatchSendParam struct {
	Users []string `json:"msg_batch_send_param_identifier_array"`
	Msg   *Message `json:"msg_batch_send_param_msg"`

	Unknown jsontext.Value `json:",embed"`
}

// BatchSendResult is what became of one recipient's message.
type BatchSendResult struct {
	Code Code   `json:"msg_batch_send_result_code"` // 0: sent
	Desc string `json:"msg_batch_send_result_desc"`
	User string `json:"msg_batch_send_result_identifier"`

	// Msg is the message as sent; SDKs before 2019-08 do not tell it.
	Msg *Message `json:"msg_batch_send_result_msg,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}

// Err is nil when the message was sent, else an *Error.
func (r BatchSendResult) Err() error {
	if r.Code == 0 {
		return nil
	}
	return &Error{Op: "BatchSend", Code: r.Code, Desc: r.Desc}
}
