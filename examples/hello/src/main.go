// Command hello prints what an application sees of the image that it runs in: its arguments and environment, its
// user, and the PCRs of the TPM.
package main

import (
	"os"
	"strconv"
	"strings"
)

func main() {
	print("arguments", strings.Join(os.Args[1:], " "))
	print("environment", strings.Join(os.Environ(), " "))
	print("user", "uid "+strconv.Itoa(os.Getuid())+", gid "+strconv.Itoa(os.Getgid()))
	for index := range 24 {
		if value, err := readPCR(index); err == nil {
			print("PCR "+strconv.Itoa(index), value)
		}
	}
}

// readPCR gives a register of the TPM's SHA-256 bank in hex. The kernel shows it to everyone; whoever wants proof
// asks the TPM for a signed quote instead.
func readPCR(index int) (string, error) {
	text, err := os.ReadFile("/sys/class/tpm/tpm0/pcr-sha256/" + strconv.Itoa(index))
	return strings.ToLower(strings.TrimSpace(string(text))), err
}

func print(name, value string) {
	const width = 12
	os.Stdout.WriteString(name + strings.Repeat(" ", max(width-len(name), 1)) + value + "\n")
}
