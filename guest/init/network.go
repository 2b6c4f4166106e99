package main

import (
	"errors"
	"os"
	"time"

	"altee/guest/config"
	"altee/guest/dhcp"
	"altee/guest/ipv4"
	"altee/guest/network"
)

const (
	// interfaceName is what the kernel calls the first network card.
	interfaceName = "eth0"
	// interfaceWait is for drivers that find their card after PID 1 has started.
	interfaceWait = 10 * time.Second
	// leaseWait is for switches and servers that come up together with the machine.
	leaseWait = 60 * time.Second

	resolvConf = "/etc/resolv.conf"
)

// startNetwork brings the network up as the configuration says; with mode none there may be no stack at all.
func startNetwork(settings *config.Config) error {
	if settings.Network.Mode == config.None {
		return nil
	}
	loopback, err := network.Open("lo")
	if err != nil {
		return err
	}
	defer loopback.Close()
	if err := loopback.Up(); err != nil {
		return err
	}
	card, err := waitForCard()
	if err != nil {
		return err
	}
	if err := card.Up(); err != nil {
		return err
	}
	if settings.Network.Mode == config.Static {
		defer card.Close()
		return startStatic(card, &settings.Network)
	}
	return startDHCP(card, settings.OnExit)
}

func waitForCard() (*network.Interface, error) {
	for end := time.Now().Add(interfaceWait); ; time.Sleep(20 * time.Millisecond) {
		card, err := network.Open(interfaceName)
		if err == nil {
			return card, nil
		}
		if time.Now().After(end) {
			return nil, errors.New("no network card: the machine has none, or the kernel lacks its driver")
		}
	}
}

func startStatic(card *network.Interface, settings *config.Network) error {
	if err := card.SetAddress(settings.Address); err != nil {
		return err
	}
	if settings.Gateway != (ipv4.Address{}) {
		if err := card.AddDefaultRoute(settings.Address, settings.Gateway); err != nil {
			return err
		}
	}
	return writeResolvConf(settings.DNS)
}

// startDHCP acquires a lease and keeps it in the background. An app that is to be restarted for ever waits for
// ever; others give up, and what the configuration says about the app's end follows.
func startDHCP(card *network.Interface, onExit config.OnExit) error {
	hardware, err := card.HardwareAddress()
	if err != nil {
		return err
	}
	socket, err := dhcp.OpenSocket(interfaceName)
	if err != nil {
		return err
	}
	within := leaseWait
	if onExit == config.Restart {
		within = 0
	}
	client := &dhcp.Client{Link: socket, Hardware: hardware}
	lease, err := client.Acquire(within)
	if err != nil {
		return errors.New("network: " + err.Error() + " within " + seconds(within))
	}
	if err := applyLease(card, lease); err != nil {
		return err
	}
	go keepLease(client, card, lease)
	return writeResolvConf(lease.DNS)
}

func applyLease(card *network.Interface, lease dhcp.Lease) error {
	if lease.MTU != 0 {
		if err := card.SetMTU(lease.MTU); err != nil {
			say("the network's largest packet is not used: " + err.Error())
		}
	}
	if err := card.SetAddress(lease.Address); err != nil {
		return err
	}
	for _, route := range lease.Routes {
		add := card.AddRoute
		if route.Network.Bits == 0 {
			add = func(r network.Route) error { return card.AddDefaultRoute(lease.Address, r.Router) }
		}
		if err := add(route); err != nil {
			return err
		}
	}
	return nil
}

func keepLease(client *dhcp.Client, card *network.Interface, lease dhcp.Lease) {
	defer powerOffOnPanic()
	lost := func(was dhcp.Lease) {
		say("the lease of " + was.Address.Address.String() + " ran out; asking for another")
		if err := card.SetAddress(ipv4.Prefix{}); err != nil {
			say(err.Error())
		}
	}
	changed := func(_, is dhcp.Lease) {
		if err := applyLease(card, is); err != nil {
			say(err.Error())
			return
		}
		say("the address is now " + is.Address.Address.String())
	}
	client.Keep(lease, lost, changed)
}

// writeResolvConf tells the app's resolver its servers. The file stays as it is then: the root becomes read-only.
func writeResolvConf(servers []ipv4.Address) error {
	text := ""
	for _, server := range servers {
		text += "nameserver " + server.String() + "\n"
	}
	if text == "" {
		return nil
	}
	if err := os.MkdirAll("/etc", 0o755); err != nil {
		return err
	}
	return os.WriteFile(resolvConf, []byte(text), 0o644)
}
