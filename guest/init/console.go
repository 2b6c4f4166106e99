package main

import (
	"os"
	"strconv"
	"syscall"
	"time"
)

// console is where altee's lines and the app's output go. Without one (no console= that the kernel knows) it is
// /dev/null: an image may be silent.
var console *os.File

func openConsole() {
	// Never a controlling terminal: its keys would signal PID 1.
	const flags = os.O_WRONLY | syscall.O_NOCTTY
	for _, path := range []string{"/dev/console", "/dev/null"} {
		if file, err := os.OpenFile(path, flags, 0); err == nil {
			console = file
			return
		}
	}
}

func say(text string) {
	if console == nil {
		openConsole()
	}
	if console != nil {
		console.WriteString("altee: " + text + "\n")
	}
}

// freshLine gives what is said next a line of its own, whatever the app left on the console.
func freshLine() {
	if console != nil {
		console.WriteString("\n")
	}
}

func seconds(duration time.Duration) string {
	return strconv.Itoa(int(duration/time.Second)) + " s"
}

// drainConsole waits until what was written has left the machine, but not for ever: a serial line can be stuck.
func drainConsole() {
	if console == nil {
		return
	}
	const tcsbrk = 0x5409 // with a non-zero argument: tcdrain(3)
	drained := make(chan struct{})
	go func() {
		syscall.Syscall(syscall.SYS_IOCTL, console.Fd(), tcsbrk, 1)
		close(drained)
	}()
	select {
	case <-drained:
	case <-time.After(3 * time.Second):
	}
}
