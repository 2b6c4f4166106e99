package dhcp

import (
	"errors"
	"time"

	"altee/guest/ipv4"
)

// Link sends and receives whole messages on the one interface that is being set up.
type Link interface {
	Send(packet []byte, to ipv4.Address) error
	// Receive gives the next packet, or ErrTimeout.
	Receive(within time.Duration) ([]byte, error)
	// Random gives a number that others can't guess.
	Random() uint32
}

// ErrTimeout says that nothing came in time.
var ErrTimeout = errors.New("no DHCP server answered")

var errRefused = errors.New("the DHCP server refused the request")

// Client gets and keeps a lease over a link.
type Client struct {
	Link     Link
	Hardware [6]byte
}

const (
	firstWait   = time.Second
	longestWait = 16 * time.Second
)

// parameters are the options that leaseOf reads.
var parameters = []byte{
	optionSubnetMask, optionRouter, optionDNS, optionMTU, optionLeaseTime, optionServer,
	optionRenewalTime, optionRebindingTime, optionRoutes,
}

// Acquire asks for a lease until it has one or the time is over (0: for ever). The error is the last thing that
// went wrong.
func (c *Client) Acquire(within time.Duration) (Lease, error) {
	begin := time.Now()
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		if within > 0 {
			wait = min(wait, within-time.Since(begin))
		}
		lease, err := c.discover(wait, time.Since(begin))
		if err == nil {
			return lease, nil
		}
		if within > 0 && time.Since(begin) >= within {
			return Lease{}, err
		}
	}
}

// discover is one round: DHCPDISCOVER, DHCPOFFER, DHCPREQUEST, DHCPACK; RFC 2131 §3.1.
func (c *Client) discover(wait, elapsed time.Duration) (Lease, error) {
	request := c.request(typeDiscover, elapsed)
	request.Broadcast = true
	offer, err := c.exchange(request, ipv4.Broadcast, wait, typeOffer)
	if err != nil {
		return Lease{}, err
	}
	offered, err := leaseOf(offer)
	if err != nil {
		time.Sleep(wait) // the same server would answer the same at once
		return Lease{}, err
	}
	request.Options[optionMessageType] = []byte{typeRequest}
	request.Options[optionRequestedAddress] = offered.Address.Address[:]
	request.Options[optionServer] = offered.Server[:]
	lease, err := c.acknowledged(request, ipv4.Broadcast, wait)
	if err == errRefused {
		time.Sleep(wait / 4) // do not hammer a server that always refuses
	}
	return lease, err
}

// acknowledged sends a DHCPREQUEST and reads the lease from the DHCPACK.
func (c *Client) acknowledged(request *Message, to ipv4.Address, wait time.Duration) (Lease, error) {
	answer, err := c.exchange(request, to, wait, typeAck, typeNak)
	if err != nil {
		return Lease{}, err
	}
	if answer.Options.messageType() == typeNak {
		return Lease{}, errRefused
	}
	return leaseOf(answer)
}

func (c *Client) request(messageType byte, elapsed time.Duration) *Message {
	return &Message{
		Transaction: c.Link.Random(),
		Seconds:     uint16(min(elapsed/time.Second, 0xffff)),
		Hardware:    c.Hardware,
		Options: Options{
			optionMessageType: {messageType},
			optionParameters:  parameters,
		},
	}
}

// exchange sends a message and waits for an answer of one of the types. Packets of others, and broken ones, are
// passed over, but do not prolong the wait.
func (c *Client) exchange(request *Message, to ipv4.Address, wait time.Duration, types ...byte) (*Message, error) {
	if err := c.Link.Send(request.Encode(), to); err != nil {
		time.Sleep(wait) // the interface may be without a carrier yet
		return nil, err
	}
	begin := time.Now()
	for {
		left := wait - time.Since(begin)
		if left <= 0 {
			return nil, ErrTimeout
		}
		packet, err := c.Link.Receive(left)
		if err != nil {
			return nil, err
		}
		answer, err := Decode(packet)
		if err != nil || !answer.FromServer || answer.Transaction != request.Transaction ||
			answer.Hardware != request.Hardware {
			continue
		}
		for _, messageType := range types {
			if answer.Options.messageType() == messageType {
				return answer, nil
			}
		}
	}
}
