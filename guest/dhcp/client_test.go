package dhcp

import (
	"errors"
	"testing"
	"time"

	"altee/guest/ipv4"
)

// server is a network in memory: what the client sends goes to answer, which gives the packets that come back.
type server struct {
	answer   func(request *Message) []*Message
	requests []*Message
	to       []ipv4.Address
	queue    [][]byte
	random   uint32
}

func (s *server) Send(packet []byte, to ipv4.Address) error {
	request, err := Decode(packet)
	if err != nil {
		return err
	}
	s.requests, s.to = append(s.requests, request), append(s.to, to)
	for _, m := range s.answer(request) {
		s.queue = append(s.queue, m.Encode())
	}
	return nil
}

func (s *server) Receive(within time.Duration) ([]byte, error) {
	if len(s.queue) == 0 {
		time.Sleep(within)
		return nil, ErrTimeout
	}
	packet := s.queue[0]
	s.queue = s.queue[1:]
	return packet, nil
}

func (s *server) Random() uint32 { s.random++; return s.random }

// reply is a proper answer of the given type.
func reply(request *Message, messageType byte) *Message {
	m := ack()
	m.Transaction, m.Hardware = request.Transaction, request.Hardware
	m.Options[optionMessageType] = []byte{messageType}
	return m
}

// proper answers a discover with an offer and a request with an acknowledgement.
func proper(request *Message) []*Message {
	if request.Options.messageType() == typeDiscover {
		return []*Message{reply(request, typeOffer)}
	}
	return []*Message{reply(request, typeAck)}
}

func TestAcquireGetsALeaseInFourMessages(t *testing.T) {
	s := &server{answer: proper}
	lease, err := (&Client{Link: s, Hardware: [6]byte{2, 0, 0, 0, 0, 1}}).Acquire(time.Second)
	if err != nil || lease.Address.Address != (ipv4.Address{10, 0, 2, 15}) {
		t.Fatalf("got %+v, %v", lease, err)
	}
	if len(s.requests) != 2 || !s.requests[0].Broadcast {
		t.Fatalf("sent %d messages", len(s.requests))
	}
	asked, _ := s.requests[1].Options.address(optionRequestedAddress)
	from, _ := s.requests[1].Options.address(optionServer)
	if asked != lease.Address.Address || from != lease.Server {
		t.Errorf("asked %v for %v", from, asked)
	}
}

func TestAcquireGivesUpInTime(t *testing.T) {
	s := &server{answer: func(*Message) []*Message { return nil }}
	begin := time.Now()
	_, err := (&Client{Link: s}).Acquire(1500 * time.Millisecond)
	if !errors.Is(err, ErrTimeout) || time.Since(begin) > 2*time.Second || len(s.requests) < 2 {
		t.Errorf("got %v after %v and %d messages", err, time.Since(begin), len(s.requests))
	}
}

func TestAcquirePassesOverAnswersToOthers(t *testing.T) {
	s := &server{answer: func(request *Message) []*Message {
		stranger, spoofed, echo := reply(request, typeOffer), reply(request, typeOffer), reply(request, typeOffer)
		stranger.Hardware[5] ^= 1
		spoofed.Transaction ^= 1
		echo.FromServer = false
		for _, m := range []*Message{stranger, spoofed, echo} {
			m.Your = ipv4.Address{6, 6, 6, 6}
		}
		return append([]*Message{stranger, spoofed, echo}, proper(request)...)
	}}
	lease, err := (&Client{Link: s}).Acquire(time.Second)
	if err != nil || lease.Address.Address != (ipv4.Address{10, 0, 2, 15}) {
		t.Errorf("got %+v, %v", lease, err)
	}
}

func TestAcquireIsNotHeldUpByAFlood(t *testing.T) {
	s := &server{}
	s.answer = func(request *Message) []*Message { return nil }
	flood := &flooded{s}
	begin := time.Now()
	if _, err := (&Client{Link: flood}).Acquire(300 * time.Millisecond); err == nil || time.Since(begin) > time.Second {
		t.Errorf("got %v after %v", err, time.Since(begin))
	}
}

// flooded is a network where junk arrives without end.
type flooded struct{ *server }

func (flooded) Receive(time.Duration) ([]byte, error) { return make([]byte, 600), nil }

func TestAcquireStartsAgainAfterARefusal(t *testing.T) {
	refusals := 0
	s := &server{}
	s.answer = func(request *Message) []*Message {
		if request.Options.messageType() == typeRequest && refusals == 0 {
			refusals++
			return []*Message{reply(request, typeNak)}
		}
		return proper(request)
	}
	if _, err := (&Client{Link: s}).Acquire(time.Second); err != nil || refusals != 1 {
		t.Errorf("got %v after %d refusals", err, refusals)
	}
}

func TestAcquireNamesABadOffer(t *testing.T) {
	s := &server{answer: func(request *Message) []*Message {
		m := reply(request, typeOffer)
		m.Your = ipv4.Address{255, 255, 255, 255}
		return []*Message{m}
	}}
	_, err := (&Client{Link: s}).Acquire(200 * time.Millisecond)
	if err == nil || err.Error() != "the DHCP server gave 255.255.255.255, which no host can have" {
		t.Errorf("got %v", err)
	}
}
