package dhcp

import (
	"encoding/binary"
	"math/rand"
	"reflect"
	"testing"

	"altee/guest/ipv4"
)

func ack() *Message {
	return &Message{
		FromServer:  true,
		Transaction: 0x12345678,
		Your:        ipv4.Address{10, 0, 2, 15},
		Hardware:    [6]byte{0x52, 0x54, 0, 0x12, 0x34, 0x56},
		Options: Options{
			optionMessageType: {typeAck},
			optionSubnetMask:  {255, 255, 255, 0},
			optionRouter:      {10, 0, 2, 2},
			optionDNS:         {10, 0, 2, 3},
			optionLeaseTime:   {0, 1, 0x51, 0x80},
			optionServer:      {10, 0, 2, 2},
		},
	}
}

func TestDecodeGivesWhatEncodeWrote(t *testing.T) {
	for _, m := range []*Message{ack(), {
		Seconds: 7, Broadcast: true, Client: ipv4.Address{192, 0, 2, 1},
		Options: Options{optionMessageType: {typeDiscover}, optionParameters: parameters},
	}} {
		got, err := Decode(m.Encode())
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

func TestEncodePadsToWhatRelaysInsistOn(t *testing.T) {
	if length := len(ack().Encode()); length != 300 {
		t.Errorf("%d bytes", length)
	}
}

func TestDecodeRefusesAMessageCutInItsFixedPart(t *testing.T) {
	packet := ack().Encode()
	for length := range optionsAt {
		if _, err := Decode(packet[:length]); err == nil {
			t.Errorf("%d bytes were taken", length)
		}
	}
}

func TestDecodeReadsOptionsFromOverloadedFields(t *testing.T) {
	m := ack()
	delete(m.Options, optionDNS)
	delete(m.Options, optionRouter)
	m.Options[optionOverload] = []byte{3}
	packet := m.Encode()
	copy(packet[file:], []byte{optionDNS, 4, 9, 9, 9, 9, optionEnd})
	copy(packet[sname:], []byte{optionPad, optionRouter, 4, 10, 0, 2, 9, optionEnd})
	got, err := Decode(packet)
	if err != nil {
		t.Fatal(err)
	}
	if got.Options.addresses(optionDNS)[0] != (ipv4.Address{9, 9, 9, 9}) ||
		got.Options.addresses(optionRouter)[0] != (ipv4.Address{10, 0, 2, 9}) {
		t.Errorf("got %v", got.Options)
	}
}

func TestDecodeJoinsASplitOption(t *testing.T) {
	options := Options{}
	if err := options.read([]byte{optionDNS, 2, 1, 2, optionDNS, 2, 3, 4, optionEnd}); err != nil {
		t.Fatal(err)
	}
	if got := options.addresses(optionDNS); len(got) != 1 || got[0] != (ipv4.Address{1, 2, 3, 4}) {
		t.Errorf("got %v", got)
	}
}

func TestDecodeRefusesAnOptionThatReachesPastThePacket(t *testing.T) {
	packet := append(ack().Encode()[:optionsAt], optionDNS, 200, 1, 2)
	if _, err := Decode(packet); err == nil {
		t.Error("no error")
	}
	if _, err := Decode(append(ack().Encode()[:optionsAt], optionDNS)); err == nil {
		t.Error("no error for an option without a length")
	}
}

func TestDecodeRefusesOtherProtocols(t *testing.T) {
	bootp, tokenRing := ack().Encode(), ack().Encode()
	binary.BigEndian.PutUint32(bootp[cookieAt:], 0)
	tokenRing[1] = 6
	for _, packet := range [][]byte{nil, bootp, tokenRing, make([]byte, 1500)} {
		if _, err := Decode(packet); err == nil {
			t.Errorf("%d bytes were taken", len(packet))
		}
	}
}

func TestNoPacketMakesTheClientPanic(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for range 200_000 {
		packet := ack().Encode()
		for range 1 + random.Intn(12) {
			packet[random.Intn(len(packet))] = byte(random.Intn(256))
		}
		packet = packet[:random.Intn(len(packet)+1)]
		if m, err := Decode(packet); err == nil {
			if lease, err := leaseOf(m); err == nil && (!lease.Address.Address.IsHost() || lease.Renew > lease.Expire) {
				t.Fatalf("a bad lease was taken: %+v", lease)
			}
		}
	}
}
