package network

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"altee/guest/ipv4"
)

// Route says by which router a network is reached; with the zero Router it is on the link. The zero Network
// with 0 Bits is the default route.
type Route struct {
	Network ipv4.Prefix
	Router  ipv4.Address
}

// routeEntry is struct rtentry, linux/route.h, on 64-bit machines.
type routeEntry struct {
	_           uint64
	destination [16]byte
	gateway     [16]byte
	mask        [16]byte
	flags       uint16
	_           [22]byte
	metric      int16
	_           [6]byte
	device      *byte
	_           [24]byte
}

// AddRoute adds a route through the interface.
func (in *Interface) AddRoute(route Route) error {
	device, err := syscall.BytePtrFromString(in.Name)
	if err != nil {
		return err
	}
	entry := routeEntry{flags: syscall.RTF_UP, device: device}
	copy(entry.destination[:], socketAddress(route.Network.Network()))
	copy(entry.mask[:], socketAddress(ipv4.Mask(route.Network.Bits)))
	if route.Router != (ipv4.Address{}) {
		entry.flags |= syscall.RTF_GATEWAY
		copy(entry.gateway[:], socketAddress(route.Router))
	}
	if route.Network.Bits == 32 {
		entry.flags |= syscall.RTF_HOST
	}
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(in.file), syscall.SIOCADDRT,
		uintptr(unsafe.Pointer(&entry)))
	runtime.KeepAlive(device)
	if errno != 0 && errno != syscall.EEXIST {
		return os.NewSyscallError(in.Name+": route to "+route.Network.Network().String(), errno)
	}
	return nil
}

// AddDefaultRoute adds the default route. Some clouds give an address with a prefix of 32 bits and a router
// outside it; that router is made reachable first.
func (in *Interface) AddDefaultRoute(own ipv4.Prefix, router ipv4.Address) error {
	if !own.Contains(router) {
		if err := in.AddRoute(Route{Network: ipv4.Prefix{Address: router, Bits: 32}}); err != nil {
			return err
		}
	}
	return in.AddRoute(Route{Router: router})
}
