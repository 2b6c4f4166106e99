// Package network sets up interfaces, addresses and routes through the socket ioctls of netdevice(7) and
// rtnetlink's older sibling SIOCADDRT.
package network

import (
	"os"
	"syscall"
	"unsafe"

	"altee/guest/ipv4"
)

// Interface is a network interface by its name; the calls below act on it through an ordinary UDP socket.
type Interface struct {
	Name string
	file int
}

// Open gives the interface of that name, or an error where there is none.
func Open(name string) (*Interface, error) {
	file, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	in := &Interface{name, file}
	if _, err := in.call("SIOCGIFINDEX", syscall.SIOCGIFINDEX, nil); err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

func (in *Interface) Close() { syscall.Close(in.file) }

// Up lets the interface send and receive.
func (in *Interface) Up() error {
	value, err := in.call("SIOCGIFFLAGS", syscall.SIOCGIFFLAGS, nil)
	if err != nil {
		return err
	}
	flags := uint16(value[0]) | uint16(value[1])<<8 | syscall.IFF_UP
	_, err = in.call("SIOCSIFFLAGS", syscall.SIOCSIFFLAGS, []byte{byte(flags), byte(flags >> 8)})
	return err
}

// HardwareAddress gives the Ethernet address.
func (in *Interface) HardwareAddress() (address [6]byte, err error) {
	value, err := in.call("SIOCGIFHWADDR", syscall.SIOCGIFHWADDR, nil)
	copy(address[:], value[2:]) // after sa_family
	return address, err
}

// SetAddress gives the interface its one address; 0.0.0.0 takes it away.
func (in *Interface) SetAddress(prefix ipv4.Prefix) error {
	if _, err := in.call("SIOCSIFADDR", syscall.SIOCSIFADDR, socketAddress(prefix.Address)); err != nil {
		return err
	}
	if prefix.Bits == 0 {
		return nil
	}
	_, err := in.call("SIOCSIFNETMASK", syscall.SIOCSIFNETMASK, socketAddress(ipv4.Mask(prefix.Bits)))
	return err
}

// SetMTU sets the largest packet, in bytes.
func (in *Interface) SetMTU(bytes int) error {
	_, err := in.call("SIOCSIFMTU", syscall.SIOCSIFMTU,
		[]byte{byte(bytes), byte(bytes >> 8), byte(bytes >> 16), byte(bytes >> 24)})
	return err
}

// call is one ioctl with a struct ifreq: 16 bytes of name, then up to 24 bytes of value, which it gives back.
func (in *Interface) call(name string, request uintptr, value []byte) ([24]byte, error) {
	var argument struct {
		name  [syscall.IFNAMSIZ]byte
		value [24]byte
	}
	copy(argument.name[:len(argument.name)-1], in.Name)
	copy(argument.value[:], value)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(in.file), request, uintptr(unsafe.Pointer(&argument)))
	if errno != 0 {
		return argument.value, os.NewSyscallError(in.Name+": "+name, errno)
	}
	return argument.value, nil
}

// socketAddress is struct sockaddr_in with port 0.
func socketAddress(address ipv4.Address) []byte {
	return []byte{syscall.AF_INET, 0, 0, 0, address[0], address[1], address[2], address[3], 0, 0, 0, 0, 0, 0, 0, 0}
}
