//go:build cgo

package main

// #include <stdint.h>
// #include <stdlib.h>
import "C"

import (
	"unsafe"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/libimsdk/face"
)

// sdk is the process's one SDK. Nobody closes it: as the real library's, its thread ends with the process.
var sdk = face.New(face.Config{Chat: chatFile, Thread: threadNumber})

// chatFile asks C for the variable: what the program set after it started, os.Getenv does not know.
func chatFile() string { return text(C.getenv(chatVariable)) }

var chatVariable = cstring("TIMBOT_CHAT")

// unsupported is returned by functions that cannot be had and have no callback to say so.
const unsupported = C.int(sdkconn.CodeInterfaceNotSupport)

// version is never freed: the real library returns the same pointer each time.
var version = cstring(face.Version)

// bufferSize is how long the buffers for ids are at least.
const bufferSize = 128

func main() {} // a library's is never called

//export TIMInit
func TIMInit(appID C.uint64_t, config *C.char) C.int {
	return C.int(sdk.Init(uint64(appID), text(config)))
}

//export TIMUninit
func TIMUninit() C.int { return C.int(sdk.Uninit()) }

//export TIMGetSDKVersion
func TIMGetSDKVersion() *C.char { return version }

//export TIMGetServerTime
func TIMGetServerTime() C.uint64_t { return C.uint64_t(sdk.GetServerTime()) }

//export TIMGetLoginStatus
func TIMGetLoginStatus() C.int { return C.int(sdk.GetLoginStatus()) }

//export TIMGetLoginUserID
func TIMGetLoginUserID(buffer *C.char) C.int {
	if buffer == nil {
		return C.int(sdkconn.CodeParam)
	}
	if user := sdk.GetLoginUserID(); user != "" {
		fill(buffer, user)
	}
	return 0
}

// fill writes s into a buffer of bufferSize.
func fill(buffer *C.char, s string) {
	to := unsafe.Slice((*byte)(unsafe.Pointer(buffer)), bufferSize)
	to[copy(to[:bufferSize-1], s)] = 0
}

//export TIMMsgSendMessage
func TIMMsgSendMessage(conv *C.char, kind C.int, msg, buffer *C.char, cb, data C.uintptr_t) C.int {
	if buffer == nil {
		return C.int(sdk.MsgSendNewMsg(text(conv), int32(kind), text(msg), reply(cb, data)))
	}
	id, code := sdk.MsgSendMessage(text(conv), int32(kind), text(msg), reply(cb, data))
	if code == 0 {
		fill(buffer, id)
	}
	return C.int(code)
}

//export TIMMsgSendNewMsgEx
func TIMMsgSendNewMsgEx(conv *C.char, kind C.int, msg *C.char, idCB, cb, data C.uintptr_t) C.int {
	return C.int(sdk.MsgSendNewMsgEx(text(conv), int32(kind), text(msg), reply(idCB, data), reply(cb, data)))
}

//export TIMAddRecvNewMsgCallback
func TIMAddRecvNewMsgCallback(cb, data C.uintptr_t) {
	sdk.AddRecvNewMsgCallback(uintptr(cb), onJSON(cb, data))
}

//export TIMRemoveRecvNewMsgCallback
func TIMRemoveRecvNewMsgCallback(cb C.uintptr_t) { sdk.RemoveRecvNewMsgCallback(uintptr(cb)) }

//export TIMSetMsgRevokeCallback
func TIMSetMsgRevokeCallback(cb, data C.uintptr_t) { sdk.SetMsgRevokeCallback(onJSON(cb, data)) }

//export TIMSetMsgReadedReceiptCallback
func TIMSetMsgReadedReceiptCallback(cb, data C.uintptr_t) {
	sdk.SetMsgReadedReceiptCallback(onJSON(cb, data))
}

//export TIMSetMsgUpdateCallback
func TIMSetMsgUpdateCallback(cb, data C.uintptr_t) { sdk.SetMsgUpdateCallback(onJSON(cb, data)) }

//export TIMSetGroupTipsEventCallback
func TIMSetGroupTipsEventCallback(cb, data C.uintptr_t) {
	sdk.SetGroupTipsEventCallback(onJSON(cb, data))
}

//export TIMSetConvEventCallback
func TIMSetConvEventCallback(cb, data C.uintptr_t) { sdk.SetConvEventCallback(onConv(cb, data)) }

//export TIMSetConvTotalUnreadMessageCountChangedCallback
func TIMSetConvTotalUnreadMessageCountChangedCallback(cb, data C.uintptr_t) {
	sdk.SetConvTotalUnreadMessageCountChangedCallback(onUnread(cb, data))
}

//export TIMSetNetworkStatusListenerCallback
func TIMSetNetworkStatusListenerCallback(cb, data C.uintptr_t) {
	sdk.SetNetworkStatusListenerCallback(onNetwork(cb, data))
}

//export TIMSetKickedOfflineCallback
func TIMSetKickedOfflineCallback(cb, data C.uintptr_t) {
	sdk.SetKickedOfflineCallback(onVoid(cb, data))
}

//export TIMSetUserSigExpiredCallback
func TIMSetUserSigExpiredCallback(cb, data C.uintptr_t) {
	sdk.SetUserSigExpiredCallback(onVoid(cb, data))
}

//export TIMSetSelfInfoUpdatedCallback
func TIMSetSelfInfoUpdatedCallback(cb, data C.uintptr_t) {
	sdk.SetSelfInfoUpdatedCallback(onJSON(cb, data))
}

//export TIMSetMsgElemUploadProgressCallback
func TIMSetMsgElemUploadProgressCallback(cb, data C.uintptr_t) {
	sdk.SetMsgElemUploadProgressCallback(onUpload(cb, data))
}
