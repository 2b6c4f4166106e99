package main

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// startApp starts this file again as the process that becomes the app, with /dev/null as its input and the
// console as its output. It returns when the app's program has taken over, or with the reason why it can't.
func startApp() (pid int, err error) {
	input, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer input.Close()
	// The child closes its end by exec: no byte on the pipe means that the app runs.
	ends := make([]int, 2)
	if err := syscall.Pipe2(ends, syscall.O_CLOEXEC); err != nil {
		return 0, os.NewSyscallError("pipe", err)
	}
	report := os.NewFile(uintptr(ends[0]), "report")
	defer report.Close()
	pid, err = syscall.ForkExec("/proc/self/exe", []string{"altee-app"}, &syscall.ProcAttr{
		Dir:   "/",
		Files: []uintptr{input.Fd(), console.Fd(), console.Fd(), uintptr(ends[1])},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	syscall.Close(ends[1])
	if err != nil {
		return 0, os.NewSyscallError("fork", err)
	}
	reason, err := io.ReadAll(report)
	if err == nil && len(reason) > 0 {
		err = errors.New(string(reason))
	}
	if err != nil {
		reapUntil(pid)
		return 0, err
	}
	return pid, nil
}
