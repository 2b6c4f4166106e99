package main

import (
	"errors"
	"os"
	"syscall"
)

// prctl(2).
const (
	prCapbsetDrop   = 24
	prSetNoNewPrivs = 38
)

// dropPrivileges makes the calling thread an ordinary user's, for good: no capability can be had again, and
// no program that it executes gains one.
func dropPrivileges(uid, gid uint32) error {
	if err := emptyBoundingSet(); err != nil {
		return err
	}
	// The raw calls act on this thread alone, which is the one that goes on to exec.
	for _, step := range []struct {
		name       string
		number     uintptr
		a1, a2, a3 uintptr
	}{
		{"setgroups", syscall.SYS_SETGROUPS, 0, 0, 0},
		{"setresgid", syscall.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid)},
		// Leaving uid 0 also clears the permitted, effective and ambient capabilities, capabilities(7).
		{"setresuid", syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)},
		{"no_new_privs", syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0},
	} {
		if _, _, errno := syscall.RawSyscall(step.number, step.a1, step.a2, step.a3); errno != 0 {
			return os.NewSyscallError(step.name, errno)
		}
	}
	if syscall.Getuid() != int(uid) || syscall.Geteuid() != int(uid) || syscall.Getgid() != int(gid) {
		return errors.New("the app's user did not take effect")
	}
	return nil
}

// emptyBoundingSet drops every capability that the kernel knows; past the last it answers EINVAL.
func emptyBoundingSet() error {
	for capability := uintptr(0); ; capability++ {
		_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prCapbsetDrop, capability, 0)
		if errno == syscall.EINVAL && capability > 0 {
			return nil
		}
		if errno != 0 {
			return os.NewSyscallError("PR_CAPBSET_DROP", errno)
		}
	}
}
