package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// proc is where the kernel tells of the process.
func (p *process) proc(of string) string { return fmt.Sprintf("/proc/%d/%s", p.Pid(), of) }

// offset returns how far the process has read a file, 0 if it has not.
func (p *process) offset(file string) int64 {
	fds, _ := os.ReadDir(p.proc("fd")) // none if the process has ended
	for _, fd := range fds {
		if name, _ := os.Readlink(p.proc("fd/" + fd.Name())); name != file {
			continue
		}
		info, _ := os.ReadFile(p.proc("fdinfo/" + fd.Name()))
		if fields := strings.Fields(string(info)); len(fields) > 1 {
			at, _ := strconv.ParseInt(fields[1], 10, 64)
			return at
		}
	}
	return 0
}

// cpu returns the CPU time that the process has used, in all threads.
func (p *process) cpu() (time.Duration, error) {
	const scheduled = 2 // of the clocks of a process, the exact one
	var t unix.Timespec
	err := unix.ClockGettime(int32(^p.Pid()<<3|scheduled), &t)
	return time.Duration(t.Nano()), err
}

// peak returns the largest resident size so far, in MB.
func (p *process) peak() (float64, error) {
	b, err := os.ReadFile(p.proc("status"))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	return float64(kb) / 1024, err
}
