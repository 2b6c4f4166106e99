package dhcp

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"altee/guest/ipv4"
)

const serverPort, clientPort = 67, 68 // RFC 2131 §4.1

// Socket is a link over a UDP socket that is bound to an interface: with that and SO_BROADCAST the kernel sends
// and receives before the interface has an address, so no packet socket is needed.
type Socket struct{ file int }

// OpenSocket binds to the interface of that name.
func OpenSocket(interfaceName string) (*Socket, error) {
	file, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &Socket{file}
	for _, step := range []struct {
		name string
		err  error
	}{
		{"SO_BINDTODEVICE", syscall.SetsockoptString(file, syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, interfaceName)},
		{"SO_BROADCAST", syscall.SetsockoptInt(file, syscall.SOL_SOCKET, syscall.SO_BROADCAST, 1)},
		{"bind", syscall.Bind(file, &syscall.SockaddrInet4{Port: clientPort})},
	} {
		if step.err != nil {
			syscall.Close(file)
			return nil, os.NewSyscallError(step.name, step.err)
		}
	}
	return s, nil
}

func (s *Socket) Send(packet []byte, to ipv4.Address) error {
	return os.NewSyscallError("sendto", syscall.Sendto(s.file, packet, 0, &syscall.SockaddrInet4{Port: serverPort, Addr: to}))
}

func (s *Socket) Receive(within time.Duration) ([]byte, error) {
	// A timeout of zero would mean "for ever".
	timeout := syscall.NsecToTimeval(max(within, time.Millisecond).Nanoseconds())
	if err := syscall.SetsockoptTimeval(s.file, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &timeout); err != nil {
		return nil, os.NewSyscallError("SO_RCVTIMEO", err)
	}
	packet := make([]byte, 1500)
	length, _, err := syscall.Recvfrom(s.file, packet, 0)
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return nil, ErrTimeout
	}
	if err != nil {
		return nil, os.NewSyscallError("recvfrom", err)
	}
	return packet[:length], nil
}

// Random asks getrandom(2), whose generator the kernel has ready before PID 1 or waits for.
func (s *Socket) Random() uint32 {
	const sysGetrandom = 318
	var number uint32
	syscall.Syscall(sysGetrandom, uintptr(unsafe.Pointer(&number)), unsafe.Sizeof(number), 0)
	return number
}
