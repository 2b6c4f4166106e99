package main

import (
	"strconv"
	"syscall"

	"altee/guest/config"
)

// outcome is how a run of the app ended.
type outcome struct {
	startError error // the app never ran
	status     syscall.WaitStatus
	request    ending // what the machine's owner asked for meanwhile
}

// ending says what comes after the app. A request wins. An app that can't be started won't start the next time
// either: its image is what it is.
func (o outcome) ending(onExit config.OnExit) ending {
	if o.request != noRequest {
		return o.request
	}
	if o.startError != nil {
		return powerOff
	}
	switch onExit {
	case config.Restart:
		return again
	case config.Reboot:
		return reboot
	}
	return powerOff
}

func sayOutcome(o outcome) {
	if o.startError == nil {
		freshLine()
	}
	say(o.String())
}

// String gives the line that tools look for on the console.
func (o outcome) String() string {
	switch {
	case o.startError != nil:
		return "cannot start app: " + o.startError.Error()
	case o.status.Signaled():
		number := o.status.Signal()
		text := "app killed by signal " + strconv.Itoa(int(number))
		if name := signalNames[number]; name != "" {
			text += " (" + name + ")"
		}
		if hint := signalHints[number]; hint != "" && o.request == noRequest {
			text += ": " + hint
		}
		return text
	}
	return "app exited with status " + strconv.Itoa(o.status.ExitStatus())
}

// signalNames has the signals that end a process by default, signal(7).
var signalNames = map[syscall.Signal]string{
	syscall.SIGHUP: "SIGHUP", syscall.SIGINT: "SIGINT", syscall.SIGQUIT: "SIGQUIT", syscall.SIGILL: "SIGILL",
	syscall.SIGTRAP: "SIGTRAP", syscall.SIGABRT: "SIGABRT", syscall.SIGBUS: "SIGBUS", syscall.SIGFPE: "SIGFPE",
	syscall.SIGKILL: "SIGKILL", syscall.SIGUSR1: "SIGUSR1", syscall.SIGSEGV: "SIGSEGV", syscall.SIGUSR2: "SIGUSR2",
	syscall.SIGPIPE: "SIGPIPE", syscall.SIGALRM: "SIGALRM", syscall.SIGTERM: "SIGTERM",
	syscall.SIGSTKFLT: "SIGSTKFLT", syscall.SIGXCPU: "SIGXCPU", syscall.SIGXFSZ: "SIGXFSZ",
	syscall.SIGVTALRM: "SIGVTALRM", syscall.SIGPROF: "SIGPROF", syscall.SIGIO: "SIGIO", syscall.SIGPWR: "SIGPWR",
	syscall.SIGSYS: "SIGSYS",
}

var signalHints = map[syscall.Signal]string{
	syscall.SIGSYS:  "it made a system call that no app may make",
	syscall.SIGKILL: "probably the memory was used up",
}
