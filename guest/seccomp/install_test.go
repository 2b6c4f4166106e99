package seccomp

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
)

// inChild runs one call behind the filter, in a process of its own; it exits with the call's errno.
const inChild = "ALTEE_SECCOMP_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(inChild); name != "" {
		runtime.LockOSThread()
		const prSetNoNewPrivs = 38
		syscall.RawSyscall(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0)
		if err := Install(); err != nil {
			os.Exit(200)
		}
		number := map[string]uintptr{"getpid": 39, "mount": 165, "io_uring_setup": 425, "ptrace": 101, "syslog": 103}[name]
		_, _, errno := syscall.RawSyscall(number, 0, 0, 0)
		os.Exit(int(errno))
	}
	os.Exit(m.Run())
}

func TestInstalledFilterHoldsInTheKernel(t *testing.T) {
	for _, test := range []struct {
		name   string
		exit   int
		signal syscall.Signal
	}{
		{"getpid", 0, 0},
		{"mount", 0, syscall.SIGSYS},
		{"ptrace", 0, syscall.SIGSYS},
		{"io_uring_setup", int(syscall.ENOSYS), 0},
		{"syslog", int(syscall.EPERM), 0},
	} {
		command := exec.Command(os.Args[0])
		command.Env = []string{inChild + "=" + test.name}
		command.Run()
		status := command.ProcessState.Sys().(syscall.WaitStatus)
		if test.signal != 0 && (!status.Signaled() || status.Signal() != test.signal) {
			t.Errorf("%s: status %#x, want %v", test.name, status, test.signal)
		}
		if test.signal == 0 && (!status.Exited() || status.ExitStatus() != test.exit) {
			t.Errorf("%s: status %#x, want exit %d", test.name, status, test.exit)
		}
	}
}
