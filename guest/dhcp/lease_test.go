package dhcp

import (
	"reflect"
	"testing"
	"time"

	"altee/guest/ipv4"
	"altee/guest/network"
)

func TestLeaseOfReadsWhatServersGive(t *testing.T) {
	got, err := leaseOf(ack())
	want := Lease{
		Address: ipv4.Prefix{Address: ipv4.Address{10, 0, 2, 15}, Bits: 24},
		Server:  ipv4.Address{10, 0, 2, 2},
		Routes:  []network.Route{{Router: ipv4.Address{10, 0, 2, 2}}},
		DNS:     []ipv4.Address{{10, 0, 2, 3}},
		Renew:   12 * time.Hour, Rebind: 21 * time.Hour, Expire: 24 * time.Hour,
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestLeaseOfPrefersClasslessRoutes(t *testing.T) {
	m := ack()
	m.Options[optionRoutes] = []byte{32, 169, 254, 169, 254, 0, 0, 0, 0, 0, 10, 128, 0, 1, 17, 172, 16, 128, 10, 0, 0, 9}
	got, err := leaseOf(m)
	want := []network.Route{
		{Network: ipv4.Prefix{Address: ipv4.Address{169, 254, 169, 254}, Bits: 32}},
		{Router: ipv4.Address{10, 128, 0, 1}},
		{Network: ipv4.Prefix{Address: ipv4.Address{172, 16, 128, 0}, Bits: 17}, Router: ipv4.Address{10, 0, 0, 9}},
	}
	if err != nil || !reflect.DeepEqual(got.Routes, want) {
		t.Errorf("got %+v, %v", got.Routes, err)
	}
}

func TestLeaseOfRefusesWhatNoServerMayGive(t *testing.T) {
	many := make([]byte, 0, 5*65)
	for range 65 {
		many = append(many, 0, 10, 0, 0, 1)
	}
	for name, change := range map[string]func(m *Message){
		"no address":              func(m *Message) { m.Your = ipv4.Address{} },
		"loopback":                func(m *Message) { m.Your = ipv4.Address{127, 0, 0, 1} },
		"multicast":               func(m *Message) { m.Your = ipv4.Address{224, 0, 0, 1} },
		"no mask":                 func(m *Message) { delete(m.Options, optionSubnetMask) },
		"a mask of 0":             func(m *Message) { m.Options[optionSubnetMask] = []byte{0, 0, 0, 0} },
		"a mask with a hole":      func(m *Message) { m.Options[optionSubnetMask] = []byte{255, 0, 255, 0} },
		"a long mask":             func(m *Message) { m.Options[optionSubnetMask] = make([]byte, 8) },
		"no server":               func(m *Message) { delete(m.Options, optionServer) },
		"no lease time":           func(m *Message) { delete(m.Options, optionLeaseTime) },
		"a route of 33 bits":      func(m *Message) { m.Options[optionRoutes] = []byte{33, 1, 2, 3, 4, 5, 6, 7, 8, 9} },
		"a route cut short":       func(m *Message) { m.Options[optionRoutes] = []byte{24, 10, 0, 0, 10, 0, 0} },
		"more routes than anyone": func(m *Message) { m.Options[optionRoutes] = many },
	} {
		m := ack()
		change(m)
		if lease, err := leaseOf(m); err == nil {
			t.Errorf("%s: got %+v", name, lease)
		}
	}
}

func TestLeaseOfKeepsTimesInOrder(t *testing.T) {
	for name, test := range map[string]struct {
		total, renew, rebind []byte
		want                 [3]time.Duration
	}{
		"a lease of 0 s":     {[]byte{0, 0, 0, 0}, nil, nil, [3]time.Duration{30 * time.Second, 52500 * time.Millisecond, time.Minute}},
		"renewal at once":    {[]byte{0, 0, 14, 16}, []byte{0, 0, 0, 0}, nil, [3]time.Duration{30 * time.Second, 52*time.Minute + 30*time.Second, time.Hour}},
		"renewal too late":   {[]byte{0, 0, 14, 16}, []byte{255, 0, 0, 0}, nil, [3]time.Duration{52*time.Minute + 30*time.Second, 52*time.Minute + 30*time.Second, time.Hour}},
		"rebinding too late": {[]byte{0, 0, 14, 16}, nil, []byte{255, 0, 0, 0}, [3]time.Duration{30 * time.Minute, time.Hour, time.Hour}},
		"without end":        {[]byte{255, 255, 255, 255}, nil, nil, [3]time.Duration{}},
	} {
		m := ack()
		m.Options[optionLeaseTime], m.Options[optionRenewalTime], m.Options[optionRebindingTime] = test.total, test.renew, test.rebind
		lease, err := leaseOf(m)
		if got := [3]time.Duration{lease.Renew, lease.Rebind, lease.Expire}; err != nil || got != test.want {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestLeaseOfTakesAtMostThreeNameServersAndASaneMTU(t *testing.T) {
	m := ack()
	m.Options[optionDNS] = []byte{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5}
	m.Options[optionMTU] = []byte{0, 68}
	lease, err := leaseOf(m)
	if err != nil || len(lease.DNS) != 3 || lease.DNS[2] != (ipv4.Address{3, 3, 3, 3}) || lease.MTU != 0 {
		t.Errorf("got %+v, %v", lease, err)
	}
	m.Options[optionMTU] = []byte{5, 180}
	if lease, _ := leaseOf(m); lease.MTU != 1460 {
		t.Errorf("MTU %d", lease.MTU)
	}
}
