package main

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"altee/guest/config"
)

// Wait statuses as wait(2) encodes them.
func exited(status int) syscall.WaitStatus            { return syscall.WaitStatus(status << 8) }
func killed(signal syscall.Signal) syscall.WaitStatus { return syscall.WaitStatus(signal) }

func TestOutcomeIsOneClearLine(t *testing.T) {
	for want, outcome := range map[string]outcome{
		"app exited with status 0":          {status: exited(0)},
		"app exited with status 255":        {status: exited(255)},
		"app killed by signal 11 (SIGSEGV)": {status: killed(syscall.SIGSEGV)},
		"app killed by signal 35":           {status: killed(35)},
		"app killed by signal 9 (SIGKILL)":  {status: killed(syscall.SIGKILL), request: powerOff},
		"app killed by signal 15 (SIGTERM)": {status: killed(syscall.SIGTERM), request: reboot},
		"cannot start app: no such thing":   {startError: errors.New("no such thing")},
		"app killed by signal 31 (SIGSYS): it made a system call that no app may make": {status: killed(syscall.SIGSYS)},
		"app killed by signal 9 (SIGKILL): probably the memory was used up":            {status: killed(syscall.SIGKILL)},
	} {
		if got := outcome.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestOutcomeDecidesWhatBecomesOfTheMachine(t *testing.T) {
	for _, test := range []struct {
		name    string
		outcome outcome
		onExit  config.OnExit
		want    ending
	}{
		{"power off", outcome{status: exited(0)}, config.PowerOff, powerOff},
		{"reboot", outcome{status: exited(3)}, config.Reboot, reboot},
		{"restart", outcome{status: killed(9)}, config.Restart, again},
		{"a request wins over restart", outcome{request: powerOff}, config.Restart, powerOff},
		{"a request wins over power off", outcome{request: reboot}, config.PowerOff, reboot},
		{"what can't start is not tried for ever", outcome{startError: errors.New("x")}, config.Restart, powerOff},
		{"nor by reboots", outcome{startError: errors.New("x")}, config.Reboot, powerOff},
	} {
		if got := test.outcome.ending(test.onExit); got != test.want {
			t.Errorf("%s: got %d, want %d", test.name, got, test.want)
		}
	}
}

func TestBackoffGrowsToAMinuteAndStartsAgainAfterAProperRun(t *testing.T) {
	var delays backoff
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		if got := delays.next(time.Second); got != want*time.Second {
			t.Errorf("got %v, want %d s", got, want)
		}
	}
	if got := delays.next(properRun); got != time.Second {
		t.Errorf("got %v after a proper run", got)
	}
}

func TestCheckFilesNamesWhatIsMissing(t *testing.T) {
	folder := t.TempDir()
	present, short, missing := folder+"/present", folder+"/short", folder+"/missing"
	os.WriteFile(present, make([]byte, 10), 0o644)
	os.WriteFile(short, make([]byte, 3), 0o644)
	os.Symlink(present, folder+"/link")
	for _, test := range []struct {
		file config.File
		want string
	}{
		{config.File{Path: present, Size: 10}, ""},
		{config.File{Path: short, Size: 10}, "the image is incomplete: " + short + ": 3 of 10 bytes; is there enough memory?"},
		{config.File{Path: missing, Size: 0}, "the image is incomplete: " + missing + ": no such file or directory; is there enough memory?"},
		{config.File{Path: folder + "/link", Size: 10}, "the image is damaged: " + folder + "/link is not a regular file"},
	} {
		err := checkFiles([]config.File{{Path: present, Size: 10}, test.file})
		if got := errorText(err); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestExplainExecTellsALoaderFromAMissingFile(t *testing.T) {
	present := filepath.Join(t.TempDir(), "app")
	os.WriteFile(present, nil, 0o755)
	if got := explainExec(present, syscall.ENOENT); !strings.Contains(got, "loader") {
		t.Errorf("got %q", got)
	}
	if got := explainExec(present+"x", syscall.ENOENT); !strings.Contains(got, "is not in the image") {
		t.Errorf("got %q", got)
	}
}

func TestStopOnRequestAsksTheAppToEnd(t *testing.T) {
	command := exec.Command("sleep", "60")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	asked, ended := make(requests, 1), make(chan struct{})
	asked.put(reboot)
	result := make(chan ending)
	go func() { result <- stopOnRequest(command.Process.Pid, asked, ended) }()
	command.Wait()
	close(ended)
	if got := <-result; got != reboot {
		t.Errorf("got %d", got)
	}
	status := command.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signal() != syscall.SIGTERM {
		t.Errorf("the app ended with %v", status)
	}
}

func TestStopOnRequestEndsWithTheApp(t *testing.T) {
	ended := make(chan struct{})
	close(ended)
	if got := stopOnRequest(-1, make(requests), ended); got != noRequest {
		t.Errorf("got %d", got)
	}
}

func TestPutDoesNotBlock(t *testing.T) {
	asked := make(requests, 1)
	asked.put(powerOff)
	asked.put(reboot)
	if got := <-asked; got != powerOff {
		t.Errorf("got %d", got)
	}
}

func TestIsPowerButtonKnowsThePressAlone(t *testing.T) {
	event := func(kind, code uint16, value uint32) []byte {
		bytes := make([]byte, sizeOfInputEvent)
		binary.LittleEndian.PutUint16(bytes[16:], kind)
		binary.LittleEndian.PutUint16(bytes[18:], code)
		binary.LittleEndian.PutUint32(bytes[20:], value)
		return bytes
	}
	if !isPowerButton(event(1, 116, 1)) {
		t.Error("the button was not seen")
	}
	for _, other := range [][]byte{event(1, 116, 0), event(1, 30, 1), event(0, 116, 1), event(0, 0, 0)} {
		if isPowerButton(other) {
			t.Errorf("% x is no power button", other)
		}
	}
}
