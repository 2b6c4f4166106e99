package main

import (
	"syscall"
	"time"
)

// grace is how long the app may take to end after it was asked to.
const grace = 10 * time.Second

// runApp runs the app until it ends, by itself or on request, and leaves no process of it behind.
func runApp(requests requests) outcome {
	pid, err := startApp()
	if err != nil {
		return outcome{startError: err}
	}
	ended := make(chan struct{})
	stopped := make(chan ending, 1)
	go func() {
		defer powerOffOnPanic()
		stopped <- stopOnRequest(pid, requests, ended)
	}()
	status := reapUntil(pid)
	close(ended)
	killRest()
	return outcome{status: status, request: <-stopped}
}

// stopOnRequest passes a request to end on to the app, as SIGTERM and, after the grace, as SIGKILL. It returns
// when the app has ended, with the request if there was one.
func stopOnRequest(pid int, requests requests, ended <-chan struct{}) ending {
	select {
	case <-ended:
		return noRequest
	case request := <-requests:
		// The pid can't be another process by now: it is reaped only by reapUntil, which closes ended.
		syscall.Kill(pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(grace):
			syscall.Kill(-1, syscall.SIGKILL)
			<-ended
		}
		return request
	}
}
