// Package wire is the protocol between a bot and a plugin. plugin.proto says it, with its contract; the rest is made from it
// by buf with protoc-gen-go and protoc-gen-go-grpc.
package wire

import _ "embed"

// Proto is plugin.proto.
//
//go:embed plugin.proto
var Proto []byte

//go:generate buf generate .
