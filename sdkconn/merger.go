package sdkconn

import "context"

// The bounds of merged messages.
const (
	MaxMergedMessages = 300 // in one element
	MaxMergedLayers   = 100
)

// MergerDownloader is the ability to fetch what a merge element bundles.
type MergerDownloader interface {
	// MsgDownloadMergerMessage returns the messages inside msg's merge element, the outermost layer of them: a bundle
	// inside a bundle is fetched by the message that holds it. TIMMsgDownloadMergerMessage.
	//
	// Errors: CodeJSON for an empty message, CodeInvalidParameters for one without a merge element,
	// CodeMergerMsgLayersOverLimit for one that is nested too deep.
	MsgDownloadMergerMessage(ctx context.Context, msg *Message) ([]*Message, error)
}
