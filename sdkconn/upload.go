package sdkconn

// UploadProgress is the ability to tell how far the files of messages being sent have gone up.
type UploadProgress interface {
	// SetMsgElemUploadProgressCallback has f called while SendNewMsg and BatchSend upload: with the message that is being
	// sent, the index of the element, and the bytes so far and in all of its file. It is called on the goroutine that
	// sends, at least once for each file with current == total, and must not block or change the message. Nil ends it.
	// TIMSetMsgElemUploadProgressCallback.
	SetMsgElemUploadProgressCallback(f func(msg *Message, elem int, current, total uint64))
}
