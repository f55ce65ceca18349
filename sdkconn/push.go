package sdkconn

import "github.com/go-json-experiment/json/jsontext"

// OfflinePushConfig says how a message is pushed to recipients who are offline. What it holds for each maker of phones
// stays as JSON.
type OfflinePushConfig struct {
	Android jsontext.Value `json:"offline_push_config_android_config,omitzero"`
	Desc    string         `json:"offline_push_config_desc"`
	Ext     string         `json:"offline_push_config_ext"`
	Flag    uint32         `json:"offline_push_config_flag"` // 0 by the default rules, 1 no push
	IOS     jsontext.Value `json:"offline_push_config_ios_config,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}
