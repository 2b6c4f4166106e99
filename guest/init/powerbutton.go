package main

import (
	"encoding/binary"
	"os"
	"strings"
)

// From linux/input-event-codes.h.
const (
	evKey    = 1
	keyPower = 116
	pressed  = 1
)

// sizeOfInputEvent is struct input_event on 64-bit machines: 16 bytes of time, type, code, value.
const sizeOfInputEvent = 24

// watchPowerButton reads the kernel's input devices, where it has any: a host that shuts a virtual machine down
// presses its ACPI power button.
func watchPowerButton(asked requests) {
	const folder = "/dev/input"
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), "event") {
			continue
		}
		if device, err := os.Open(folder + "/" + entry.Name()); err == nil {
			go readButton(device, asked)
		}
	}
}

func readButton(device *os.File, asked requests) {
	defer powerOffOnPanic()
	event := make([]byte, sizeOfInputEvent)
	for {
		if length, err := device.Read(event); err != nil || length != len(event) {
			return
		}
		if isPowerButton(event) {
			asked.put(powerOff)
		}
	}
}

func isPowerButton(event []byte) bool {
	return binary.LittleEndian.Uint16(event[16:]) == evKey &&
		binary.LittleEndian.Uint16(event[18:]) == keyPower &&
		binary.LittleEndian.Uint32(event[20:]) == pressed
}
