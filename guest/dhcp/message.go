// Package dhcp is a client for the Dynamic Host Configuration Protocol, RFC 2131: it gets a lease and keeps it.
// What servers send is not measured and may be hostile: it is bounded, checked, and reduced to a Lease.
package dhcp

import (
	"encoding/binary"
	"errors"

	"altee/guest/ipv4"
)

// Message is a DHCP message, RFC 2131 §2; fields that a client has no use for are left out.
type Message struct {
	FromServer  bool
	Transaction uint32 // xid
	Seconds     uint16 // secs: since the client began
	Broadcast   bool   // the answer must be broadcast: the client has no address yet
	Client      ipv4.Address
	Your        ipv4.Address
	Hardware    [6]byte
	Options     Options
}

const (
	bootRequest, bootReply = 1, 2
	ethernet               = 1 // htype, and 6 bytes of address
	broadcastFlag          = 0x8000

	// Offsets in a message.
	sname, sizeOfSname = 44, 64
	file, sizeOfFile   = 108, 128
	cookieAt           = 236
	optionsAt          = 240

	magicCookie = 0x63825363 // RFC 2131 §3
	// smallest is what BOOTP relays and servers may insist on, RFC 1542 §2.1.
	smallest = 300
)

// Encode gives the message's bytes.
func (m *Message) Encode() []byte {
	packet := make([]byte, optionsAt, smallest)
	packet[0] = bootRequest
	if m.FromServer {
		packet[0] = bootReply
	}
	packet[1], packet[2] = ethernet, 6
	binary.BigEndian.PutUint32(packet[4:], m.Transaction)
	binary.BigEndian.PutUint16(packet[8:], m.Seconds)
	if m.Broadcast {
		binary.BigEndian.PutUint16(packet[10:], broadcastFlag)
	}
	copy(packet[12:], m.Client[:])
	copy(packet[16:], m.Your[:])
	copy(packet[28:], m.Hardware[:])
	binary.BigEndian.PutUint32(packet[cookieAt:], magicCookie)
	packet = m.Options.append(packet)
	for len(packet) < smallest {
		packet = append(packet, optionPad)
	}
	return packet
}

// Decode reads a message. It never reads past the packet, whatever the packet says.
func Decode(packet []byte) (*Message, error) {
	if len(packet) < optionsAt {
		return nil, errors.New("a DHCP message is cut short")
	}
	if binary.BigEndian.Uint32(packet[cookieAt:]) != magicCookie {
		return nil, errors.New("a message is BOOTP without DHCP")
	}
	if packet[1] != ethernet || packet[2] != 6 {
		return nil, errors.New("a DHCP message is not for Ethernet")
	}
	m := &Message{
		FromServer:  packet[0] == bootReply,
		Transaction: binary.BigEndian.Uint32(packet[4:]),
		Seconds:     binary.BigEndian.Uint16(packet[8:]),
		Broadcast:   binary.BigEndian.Uint16(packet[10:])&broadcastFlag != 0,
		Client:      ipv4.Address(packet[12:16]),
		Your:        ipv4.Address(packet[16:20]),
		Hardware:    [6]byte(packet[28:34]),
		Options:     make(Options),
	}
	if err := m.Options.read(packet[optionsAt:]); err != nil {
		return nil, err
	}
	return m, m.readOverload(packet)
}

// readOverload reads options from the fields sname and file where option 52 says that they hold some.
func (m *Message) readOverload(packet []byte) error {
	overload := m.Options[optionOverload]
	if len(overload) != 1 {
		return nil
	}
	if overload[0]&1 != 0 {
		if err := m.Options.read(packet[file : file+sizeOfFile]); err != nil {
			return err
		}
	}
	if overload[0]&2 != 0 {
		return m.Options.read(packet[sname : sname+sizeOfSname])
	}
	return nil
}
