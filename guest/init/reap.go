package main

import "syscall"

// reapUntil waits for the process and gives its status. Orphans are children of PID 1 too; they are reaped in
// passing.
func reapUntil(pid int) syscall.WaitStatus {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.ECHILD || ended == pid {
			return status
		}
	}
}

// killRest kills every process that the app left behind and waits until all are gone.
func killRest() {
	syscall.Kill(-1, syscall.SIGKILL) // all but the caller, kill(2)
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err != nil && err != syscall.EINTR {
			return
		}
	}
}
