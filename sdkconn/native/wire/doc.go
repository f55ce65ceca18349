// Package wire is the protocol between a program and the child process that holds the SDK's library. wire.proto says it;
// the rest is made from it by buf with protoc-gen-go and protoc-gen-go-grpc.
package wire

//go:generate buf generate .
