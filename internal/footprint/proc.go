package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// resident is how much memory a process holds, in bytes, and how much of it is no page of a file.
func resident(pid int) (all, own int64, err error) {
	status := fmt.Sprintf("/proc/%d/status", pid)
	if all, err = field(status, "VmRSS:"); err != nil {
		return 0, 0, err
	}
	file, err := field(status, "RssFile:")
	return all * 1024, (all - file) * 1024, err
}

// switches is how often the threads of a process went to sleep by themselves: each wake-up ends with one.
func switches(pid int) (int64, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, name := range threads {
		n, err := field(name, "voluntary_ctxt_switches:")
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// field reads a number from a status file.
func field(name, key string) (int64, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			return strconv.ParseInt(number, 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", name, key)
}
