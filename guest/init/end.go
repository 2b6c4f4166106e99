package main

import (
	"os"
	"strings"
	"syscall"
	"time"
)

// ending says what is to become of the machine.
type ending int

const (
	noRequest ending = iota
	again            // start the app again
	powerOff
	reboot
)

// end powers off or reboots, and does not return.
func end(how ending) {
	drainConsole()
	silenceKernel()
	command := syscall.LINUX_REBOOT_CMD_POWER_OFF
	if how == reboot {
		command = syscall.LINUX_REBOOT_CMD_RESTART
	}
	err := syscall.Reboot(command)
	// Only a machine that can't power off comes here; if PID 1 ended, the kernel would panic.
	say("the machine does not end: " + err.Error())
	for {
		time.Sleep(time.Hour)
	}
}

// silenceKernel keeps "reboot: Power down" from following altee's last line, where the kernel was asked to be
// quiet: that line has the highest urgency.
func silenceKernel() {
	const levels = "/proc/sys/kernel/printk"
	const quietLevel = "4"
	text, err := os.ReadFile(levels)
	if err != nil {
		return
	}
	if current, _, _ := strings.Cut(string(text), "\t"); current == quietLevel {
		os.WriteFile(levels, []byte("0"), 0)
	}
}

// powerOffOnPanic is deferred by every goroutine of PID 1: a bug here must end the machine, not panic the kernel,
// which would restart it for ever.
func powerOffOnPanic() {
	if cause := recover(); cause != nil {
		text := "unknown cause"
		switch cause := cause.(type) {
		case error:
			text = cause.Error()
		case string:
			text = cause
		}
		freshLine()
		say("stopped by an error of its own: " + text)
		end(powerOff)
	}
}
