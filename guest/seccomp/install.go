package seccomp

import (
	"runtime"
	"syscall"
	"unsafe"
)

// prctl(2) and its seccomp mode.
const (
	prSetSeccomp      = 22
	seccompModeFilter = 2
)

// Install puts the filter on the calling thread, which must have no_new_privs set and go on to exec the app:
// other threads of the caller are not filtered.
func Install() error {
	code := program()
	filter := struct { // struct sock_fprog
		length uint16
		code   *instruction
	}{uint16(len(code)), &code[0]}
	_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetSeccomp, seccompModeFilter,
		uintptr(unsafe.Pointer(&filter)))
	runtime.KeepAlive(code)
	if errno != 0 {
		return errno
	}
	return nil
}
