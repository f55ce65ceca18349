// Libimsdk is a libImSDK.so whose chat is the embedded one: programs that are written for the TIM SDK's C API 8.0 run against
// it without a network.
//
//	go build -buildmode=c-shared -ldflags -extldflags=-Wl,-soname,libImSDK.so -o libImSDK.so ./sdkconn/libimsdk
//
// The chat file is $TIMBOT_CHAT, or chat.db in the folder that TIMInit is given. Programs include Tencent's own headers, not
// the one that the build writes. docs/libimsdk.md says what it does otherwise than Tencent's library.
package main

//go:generate go run ./exportgen -o zexports.go
