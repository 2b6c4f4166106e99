package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// requests carries what the machine's owner asks for from outside: an end, by power button or keyboard.
type requests chan ending

// within waits for a request, but not longer than the duration.
func (r requests) within(duration time.Duration) (ending, bool) {
	select {
	case request := <-r:
		return request, true
	case <-time.After(duration):
		return noRequest, false
	}
}

func watchRequests() requests {
	// ctrl-alt-del then reaches PID 1 as SIGINT instead of resetting the machine at once, reboot(2).
	syscall.Reboot(syscall.LINUX_REBOOT_CMD_CAD_OFF)
	asked := make(requests, 1)
	// All signals: Go's default for some of them is to exit, and when PID 1 exits the kernel panics.
	signals := make(chan os.Signal, 16)
	signal.Notify(signals)
	go func() {
		defer powerOffOnPanic()
		for received := range signals {
			if request, known := requestOf[received]; known {
				asked.put(request)
			}
		}
	}()
	watchPowerButton(asked)
	return asked
}

var requestOf = map[os.Signal]ending{
	syscall.SIGINT:  reboot,
	syscall.SIGTERM: powerOff,
	syscall.SIGPWR:  powerOff,
}

// put hands a request over; while one waits, more are the same impatience.
func (r requests) put(request ending) {
	select {
	case r <- request:
	default:
	}
}
