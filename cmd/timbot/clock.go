package main

import "time"

// now is the time in Unix seconds.
func now() uint64 { return uint64(time.Now().Unix()) }
