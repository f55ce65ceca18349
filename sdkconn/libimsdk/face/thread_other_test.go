//go:build !linux

package face

var threadNumber func() uint64
