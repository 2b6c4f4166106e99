package main

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"altee/guest/config"
	"altee/guest/seccomp"
)

// reportFile is the pipe on which startApp waits.
const reportFile = 3

// becomeApp gives up every privilege and runs the app's program in this process. It returns only where that
// fails; the reason goes to PID 1.
func becomeApp() {
	runtime.LockOSThread() // what follows is about this thread; the others end with exec
	syscall.CloseOnExec(reportFile)
	syscall.Write(reportFile, []byte(execApp().Error()))
	os.Exit(1)
}

func execApp() error {
	settings, err := loadConfig()
	if err != nil {
		return err
	}
	// The order matters: each step needs a privilege that a later one takes away.
	if err := setLimits(settings); err != nil {
		return err
	}
	if err := dropPrivileges(settings.UID, settings.GID); err != nil {
		return err
	}
	// As the app's user: a folder that the user may not enter is no working folder.
	if err := syscall.Chdir(settings.Workdir); err != nil {
		return errors.New("working folder " + settings.Workdir + ": " + err.Error())
	}
	syscall.Umask(0o022)
	if err := seccomp.Install(); err != nil {
		return os.NewSyscallError("seccomp", err)
	}
	err = syscall.Exec(settings.Exec, append([]string{settings.Exec}, settings.Args...), settings.Env)
	return errors.New(explainExec(settings.Exec, err))
}

// explainExec says what an error of execve(2) means.
func explainExec(path string, err error) string {
	switch err {
	case syscall.ENOENT:
		if _, missing := os.Stat(path); missing != nil {
			return path + " is not in the image"
		}
		return path + " needs a loader that is not in the image: it is not a static executable"
	case syscall.ENOEXEC:
		return path + " is not an executable for this machine"
	case syscall.EACCES:
		return path + " may not be executed by the app's user"
	case syscall.E2BIG:
		return "the app's arguments and environment are too long"
	}
	return path + ": " + err.Error()
}

func setLimits(settings *config.Config) error {
	const rlimitNproc = 6 // asm-generic/resource.h; package syscall has no name for it
	for _, limit := range []struct {
		name     string
		resource int
		most     uint64
	}{
		{"RLIMIT_NOFILE", syscall.RLIMIT_NOFILE, settings.OpenFiles},
		{"RLIMIT_NPROC", rlimitNproc, settings.Processes},
		{"RLIMIT_CORE", syscall.RLIMIT_CORE, 0},
	} {
		// Setrlimit also keeps Exec from restoring the limit that this program was started with.
		if err := syscall.Setrlimit(limit.resource, &syscall.Rlimit{Cur: limit.most, Max: limit.most}); err != nil {
			return errors.New(limit.name + "=" + strconv.FormatUint(limit.most, 10) + ": " + err.Error())
		}
	}
	return nil
}
