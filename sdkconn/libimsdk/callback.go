//go:build cgo

package main

/*
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const void *s, size_t n) {
	char *c = malloc(n + 1);
	if (c == NULL) {
		abort();
	}
	if (n > 0) {
		memcpy(c, s, n);
	}
	c[n] = 0;
	return c;
}

// Functions and their data of the program's come as numbers: they are not Go's to look into.

static void call_comm(uintptr_t cb, int32_t code, char *desc, char *json, uintptr_t data) {
	((void (*)(int32_t, const char *, const char *, const void *))cb)(code, desc, json, (const void *)data);
}
static void call_void(uintptr_t cb, uintptr_t data) { ((void (*)(const void *))cb)((const void *)data); }
static void call_int(uintptr_t cb, int n, uintptr_t data) { ((void (*)(int, const void *))cb)(n, (const void *)data); }
static void call_json(uintptr_t cb, char *json, uintptr_t data) {
	((void (*)(const char *, const void *))cb)(json, (const void *)data);
}
static void call_conv(uintptr_t cb, int event, char *json, uintptr_t data) {
	((void (*)(int, const char *, const void *))cb)(event, json, (const void *)data);
}
static void call_network(uintptr_t cb, int status, int32_t code, char *desc, uintptr_t data) {
	((void (*)(int, int32_t, const char *, const void *))cb)(status, code, desc, (const void *)data);
}
static void call_upload(uintptr_t cb, char *json, uint32_t elem, uint32_t current, uint32_t total, uintptr_t data) {
	((void (*)(const char *, uint32_t, uint32_t, uint32_t, const void *))cb)(json, elem, current, total, (const void *)data);
}

static uint64_t thread_number(void) { return (uint64_t)(uintptr_t)pthread_self(); }
*/
import "C"

import (
	"math"
	"unsafe"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/libimsdk/face"
)

func threadNumber() uint64 { return uint64(C.thread_number()) }

// text is a C string, NULL an empty one.
func text(s *C.char) string { return C.GoString(s) }

// cstring is s as C has it, to be freed.
func cstring(s string) *C.char {
	return C.copy(unsafe.Pointer(unsafe.StringData(s)), C.size_t(len(s)))
}

// lend passes strings to f as C has them, until f returns.
func lend(f func(s ...*C.char), strings ...string) {
	c := make([]*C.char, len(strings))
	for i, s := range strings {
		c[i] = cstring(s)
		defer C.free(unsafe.Pointer(c[i]))
	}
	f(c...)
}

func reply(cb, data C.uintptr_t) face.Reply {
	if cb == 0 {
		return nil
	}
	return func(code sdkconn.Code, desc, json string) {
		lend(func(s ...*C.char) { C.call_comm(cb, C.int32_t(code), s[0], s[1], data) }, desc, json)
	}
}

func onJSON(cb, data C.uintptr_t) func(string) {
	if cb == 0 {
		return nil
	}
	return func(json string) {
		lend(func(s ...*C.char) { C.call_json(cb, s[0], data) }, json)
	}
}

func onVoid(cb, data C.uintptr_t) func() {
	if cb == 0 {
		return nil
	}
	return func() { C.call_void(cb, data) }
}

func onUnread(cb, data C.uintptr_t) func(uint64) {
	if cb == 0 {
		return nil
	}
	return func(total uint64) { C.call_int(cb, C.int(min(total, math.MaxInt32)), data) }
}

func onConv(cb, data C.uintptr_t) func(sdkconn.ConvChange, string) {
	if cb == 0 {
		return nil
	}
	return func(change sdkconn.ConvChange, json string) {
		lend(func(s ...*C.char) { C.call_conv(cb, C.int(change), s[0], data) }, json)
	}
}

func onNetwork(cb, data C.uintptr_t) func(sdkconn.NetworkStatus, sdkconn.Code, string) {
	if cb == 0 {
		return nil
	}
	return func(status sdkconn.NetworkStatus, code sdkconn.Code, desc string) {
		lend(func(s ...*C.char) { C.call_network(cb, C.int(status), C.int32_t(code), s[0], data) }, desc)
	}
}

func onUpload(cb, data C.uintptr_t) func(string, uint32, uint32, uint32) {
	if cb == 0 {
		return nil
	}
	return func(json string, elem, current, total uint32) {
		lend(func(s ...*C.char) {
			C.call_upload(cb, s[0], C.uint32_t(elem), C.uint32_t(current), C.uint32_t(total), data)
		}, json)
	}
}
