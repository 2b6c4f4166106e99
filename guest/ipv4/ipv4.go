// Package ipv4 holds addresses and prefixes: what PID 1 needs of package net, without its size.
package ipv4

import (
	"errors"
	"strconv"
	"strings"
)

// Address is an IPv4 address in network byte order; the zero value is "none".
type Address [4]byte

// Broadcast is the limited broadcast address, RFC 919 §7.
var Broadcast = Address{255, 255, 255, 255}

// Prefix is an address with the length of its network's prefix, 1 to 32; the zero value is "none".
type Prefix struct {
	Address Address
	Bits    int
}

// Parse reads dotted decimal notation, without leading zeros.
func Parse(text string) (Address, error) {
	var address Address
	parts := strings.Split(text, ".")
	if len(parts) != len(address) {
		return Address{}, errors.New(strconv.Quote(text) + " is no IPv4 address")
	}
	for i, part := range parts {
		number, err := strconv.ParseUint(part, 10, 8)
		if err != nil || strconv.FormatUint(number, 10) != part {
			return Address{}, errors.New(strconv.Quote(text) + " is no IPv4 address")
		}
		address[i] = byte(number)
	}
	return address, nil
}

// ParsePrefix reads an address, a slash and a prefix length.
func ParsePrefix(text string) (Prefix, error) {
	before, after, _ := strings.Cut(text, "/")
	address, err := Parse(before)
	if err != nil {
		return Prefix{}, err
	}
	bits, err := strconv.ParseUint(after, 10, 8)
	if err != nil || bits < 1 || bits > 32 || strconv.FormatUint(bits, 10) != after {
		return Prefix{}, errors.New(strconv.Quote(text) + " has no prefix length from 1 to 32")
	}
	return Prefix{address, int(bits)}, nil
}

func (a Address) String() string {
	return strconv.Itoa(int(a[0])) + "." + strconv.Itoa(int(a[1])) + "." +
		strconv.Itoa(int(a[2])) + "." + strconv.Itoa(int(a[3]))
}

// Uint32 gives the address as a number, most significant byte first.
func (a Address) Uint32() uint32 {
	return uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
}

// IsHost says whether a machine can have the address: not "this network" (RFC 1122 §3.2.1.3), loopback,
// multicast or reserved.
func (a Address) IsHost() bool {
	return a[0] != 0 && a[0] != 127 && a[0] < 224
}

// Mask gives the address mask of a prefix of 0 to 32 bits.
func Mask(bits int) Address {
	mask := uint32(uint64(0xffffffff) << (32 - bits))
	return Address{byte(mask >> 24), byte(mask >> 16), byte(mask >> 8), byte(mask)}
}

// MaskBits gives the length of the prefix that a mask stands for; false where its ones are not contiguous.
func MaskBits(mask Address) (int, bool) {
	for bits := 0; bits <= 32; bits++ {
		if Mask(bits) == mask {
			return bits, true
		}
	}
	return 0, false
}

// Network gives the address with its host bits cleared.
func (p Prefix) Network() Address {
	mask := Mask(p.Bits)
	var network Address
	for i := range network {
		network[i] = p.Address[i] & mask[i]
	}
	return network
}

// Contains says whether the address is in the prefix's network.
func (p Prefix) Contains(a Address) bool {
	return Prefix{a, p.Bits}.Network() == p.Network()
}
