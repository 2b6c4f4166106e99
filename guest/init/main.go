// Command init is PID 1 of an altee image. It sets the machine up as the configuration in the measured initramfs
// says, starts the one application without any privilege, and ends the machine when the application ends.
//
// The same file is started twice: by the kernel as PID 1, and by PID 1 as the process that gives up its
// privileges and becomes the app. Arguments and environment from the kernel command line are not used.
package main

import (
	"os"
	"time"

	"altee/guest/config"
)

func main() {
	if os.Getpid() != 1 {
		becomeApp()
		return
	}
	defer powerOffOnPanic()
	end(runMachine())
}

// runMachine sets up, runs the app and gives what to do with the machine then.
func runMachine() ending {
	settings, err := setUp()
	if err != nil {
		say("cannot start app: " + err.Error())
		return powerOff
	}
	requests := watchRequests()
	for delays := (backoff{}); ; {
		started := time.Now()
		outcome := runApp(requests)
		sayOutcome(outcome)
		if next := outcome.ending(settings.OnExit); next != again {
			return next
		}
		delay := delays.next(time.Since(started))
		say("starting app again in " + seconds(delay))
		if request, stop := requests.within(delay); stop {
			return request
		}
	}
}

// setUp makes the machine ready for the app. Each step relies on those before it.
func setUp() (*config.Config, error) {
	if err := mountDevices(); err != nil {
		return nil, err
	}
	openConsole()
	if err := mountFileSystems(); err != nil {
		return nil, err
	}
	settings, err := loadConfig()
	if err != nil {
		return nil, err
	}
	if err := checkFiles(settings.Files); err != nil {
		return nil, err
	}
	if err := hardenKernel(settings); err != nil {
		return nil, err
	}
	if err := mountWritable(settings); err != nil {
		return nil, err
	}
	if err := setHostname(settings.Hostname); err != nil {
		return nil, err
	}
	if err := startNetwork(settings); err != nil {
		return nil, err
	}
	return settings, sealRoot()
}
