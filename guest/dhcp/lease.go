package dhcp

import (
	"encoding/binary"
	"errors"
	"time"

	"altee/guest/ipv4"
	"altee/guest/network"
)

// Lease is what a server grants, checked.
type Lease struct {
	Address ipv4.Prefix
	Server  ipv4.Address
	Routes  []network.Route // with the default route, if there is one
	DNS     []ipv4.Address  // at most 3, as resolv.conf(5)
	MTU     int             // 0: none given

	Renew, Rebind, Expire time.Duration // from the grant; 0: never
}

const (
	// infinite is a lease time without end, RFC 2131 §3.3.
	infinite = 0xffffffff
	// shortest keeps a server from making the client ask all the time.
	shortest = 60 * time.Second

	maxDNS    = 3
	maxRoutes = 64
	// minMTU is what every IPv4 host must take, RFC 791 §3.1.
	minMTU = 576
)

// leaseOf reads the lease that an offer or an acknowledgement describes.
func leaseOf(m *Message) (Lease, error) {
	lease := Lease{}
	mask, hasMask := m.Options.address(optionSubnetMask)
	bits, contiguous := ipv4.MaskBits(mask)
	if !hasMask || !contiguous || bits == 0 {
		return lease, errors.New("the DHCP server gave no proper subnet mask")
	}
	lease.Address = ipv4.Prefix{Address: m.Your, Bits: bits}
	if !m.Your.IsHost() {
		return lease, errors.New("the DHCP server gave " + m.Your.String() + ", which no host can have")
	}
	var hasServer bool
	if lease.Server, hasServer = m.Options.address(optionServer); !hasServer {
		return lease, errors.New("the DHCP server did not say who it is")
	}
	for _, dns := range m.Options.addresses(optionDNS) {
		if dns.IsHost() && len(lease.DNS) < maxDNS {
			lease.DNS = append(lease.DNS, dns)
		}
	}
	if value := m.Options[optionMTU]; len(value) == 2 && binary.BigEndian.Uint16(value) >= minMTU {
		lease.MTU = int(binary.BigEndian.Uint16(value))
	}
	if err := lease.readRoutes(m.Options); err != nil {
		return lease, err
	}
	return lease, lease.readTimes(m.Options)
}

// readRoutes: classless routes, where given, replace the router option, RFC 3442.
func (lease *Lease) readRoutes(options Options) error {
	value, classless := options[optionRoutes]
	if !classless {
		if routers := options.addresses(optionRouter); len(routers) > 0 && routers[0].IsHost() {
			lease.Routes = []network.Route{{Router: routers[0]}}
		}
		return nil
	}
	malformed := errors.New("the DHCP server gave malformed routes")
	for len(value) > 0 {
		bits := int(value[0])
		octets := (bits + 7) / 8
		if bits > 32 || len(value) < 1+octets+4 || len(lease.Routes) == maxRoutes {
			return malformed
		}
		route := network.Route{Network: ipv4.Prefix{Bits: bits}}
		copy(route.Network.Address[:], value[1:1+octets])
		copy(route.Router[:], value[1+octets:])
		lease.Routes = append(lease.Routes, route)
		value = value[1+octets+4:]
	}
	return nil
}

// readTimes: T1 and T2 are half and 7/8 of the lease unless given, RFC 2131 §4.4.5; they stay in order.
func (lease *Lease) readTimes(options Options) error {
	total, given := options.seconds(optionLeaseTime)
	if !given {
		return errors.New("the DHCP server gave no lease time")
	}
	if total == infinite {
		return nil
	}
	lease.Expire = max(time.Duration(total)*time.Second, shortest)
	lease.Renew, lease.Rebind = lease.Expire/2, lease.Expire/8*7
	if seconds, given := options.seconds(optionRenewalTime); given {
		lease.Renew = max(time.Duration(seconds)*time.Second, shortest/2)
	}
	if seconds, given := options.seconds(optionRebindingTime); given {
		lease.Rebind = time.Duration(seconds) * time.Second
	}
	lease.Rebind = min(lease.Rebind, lease.Expire)
	lease.Renew = min(lease.Renew, lease.Rebind)
	return nil
}
