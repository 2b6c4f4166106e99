package dhcp

import (
	"testing"
	"time"

	"altee/guest/ipv4"
)

// shortLease is due for renewal at once.
func shortLease() Lease {
	lease, _ := leaseOf(ack())
	lease.Renew, lease.Rebind, lease.Expire = 10*time.Millisecond, time.Second, 2*time.Second
	return lease
}

// forEver answers a request with a lease without end, which Keep does not keep any longer.
func forEver(request *Message) *Message {
	m := reply(request, typeAck)
	m.Options[optionLeaseTime] = []byte{255, 255, 255, 255}
	return m
}

func TestKeepRenewsWithTheServerOfTheLease(t *testing.T) {
	s := &server{answer: func(request *Message) []*Message { return []*Message{forEver(request)} }}
	never := func(Lease) { t.Error("the lease was lost") }
	(&Client{Link: s}).Keep(shortLease(), never, func(_, is Lease) { t.Errorf("changed to %v", is.Address) })
	if len(s.requests) != 1 || s.requests[0].Options.messageType() != typeRequest {
		t.Fatalf("sent %d messages", len(s.requests))
	}
	// RFC 2131 §4.3.2, RENEWING: the address is in ciaddr; neither server nor requested address is named.
	request := s.requests[0]
	if request.Client != (ipv4.Address{10, 0, 2, 15}) || request.Broadcast ||
		request.Options[optionServer] != nil || request.Options[optionRequestedAddress] != nil {
		t.Errorf("sent %+v", request)
	}
	if s.to[0] != (ipv4.Address{10, 0, 2, 2}) {
		t.Errorf("sent to %v", s.to[0])
	}
}

func TestKeepTellsThatTheAddressChanged(t *testing.T) {
	s := &server{answer: func(request *Message) []*Message {
		m := forEver(request)
		m.Your = ipv4.Address{10, 0, 2, 99}
		return []*Message{m}
	}}
	var is Lease
	(&Client{Link: s}).Keep(shortLease(), func(Lease) { t.Error("lost") }, func(_, now Lease) { is = now })
	if is.Address.Address != (ipv4.Address{10, 0, 2, 99}) {
		t.Errorf("changed to %v", is.Address)
	}
}

func TestKeepAcquiresAnotherLeaseWhenItsOwnIsRefused(t *testing.T) {
	s := &server{answer: func(request *Message) []*Message {
		switch {
		case request.Client != (ipv4.Address{}):
			return []*Message{reply(request, typeNak)}
		case request.Options.messageType() == typeDiscover:
			return []*Message{reply(request, typeOffer)}
		}
		return []*Message{forEver(request)}
	}}
	lost, changed := 0, 0
	(&Client{Link: s}).Keep(shortLease(), func(Lease) { lost++ }, func(_, _ Lease) { changed++ })
	if lost != 1 || changed != 1 || len(s.requests) != 3 {
		t.Errorf("lost %d times, changed %d times, %d messages", lost, changed, len(s.requests))
	}
}

func TestRenewGivesUpWhenTheLeaseEnds(t *testing.T) {
	s := &server{answer: func(*Message) []*Message { return nil }}
	lease := shortLease()
	lease.Rebind, lease.Expire = 200*time.Millisecond, 400*time.Millisecond
	begin := time.Now()
	_, err := (&Client{Link: s}).renew(lease)
	if err != ErrTimeout || time.Since(begin) > 2*time.Second {
		t.Errorf("got %v after %v", err, time.Since(begin))
	}
}
