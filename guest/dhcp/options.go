package dhcp

import (
	"encoding/binary"
	"errors"
	"slices"

	"altee/guest/ipv4"
)

// Options are a message's options by their codes, RFC 2132.
type Options map[byte][]byte

const (
	optionPad              = 0
	optionSubnetMask       = 1
	optionRouter           = 3
	optionDNS              = 6
	optionMTU              = 26
	optionRequestedAddress = 50
	optionLeaseTime        = 51
	optionOverload         = 52
	optionMessageType      = 53
	optionServer           = 54
	optionParameters       = 55
	optionRenewalTime      = 58
	optionRebindingTime    = 59
	optionRoutes           = 121 // RFC 3442
	optionEnd              = 255
)

// Message types, RFC 2132 §9.6.
const (
	typeDiscover = 1
	typeOffer    = 2
	typeRequest  = 3
	typeAck      = 5
	typeNak      = 6
)

// read adds the options in a field of a message. An option that occurs again continues the former, RFC 3396.
func (o Options) read(field []byte) error {
	for len(field) > 0 {
		code := field[0]
		field = field[1:]
		if code == optionPad {
			continue
		}
		if code == optionEnd {
			return nil
		}
		if len(field) < 1 || len(field)-1 < int(field[0]) {
			return errors.New("an option of a DHCP message is cut short")
		}
		length := int(field[0])
		o[code] = append(o[code], field[1:1+length]...)
		field = field[1+length:]
	}
	return nil
}

// append writes the options in the order of their codes, message type first as most clients do.
func (o Options) append(packet []byte) []byte {
	codes := make([]byte, 0, len(o))
	for code := range o {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	if at := slices.Index(codes, optionMessageType); at > 0 {
		copy(codes[1:], codes[:at])
		codes[0] = optionMessageType
	}
	for _, code := range codes {
		packet = append(append(packet, code, byte(len(o[code]))), o[code]...)
	}
	return append(packet, optionEnd)
}

func (o Options) messageType() byte {
	if value := o[optionMessageType]; len(value) == 1 {
		return value[0]
	}
	return 0
}

// addresses gives an option's whole addresses; a rest of less than 4 bytes is left out.
func (o Options) addresses(code byte) []ipv4.Address {
	var addresses []ipv4.Address
	for value := o[code]; len(value) >= 4; value = value[4:] {
		addresses = append(addresses, ipv4.Address(value[:4]))
	}
	return addresses
}

func (o Options) address(code byte) (ipv4.Address, bool) {
	if value := o[code]; len(value) == 4 {
		return ipv4.Address(value), true
	}
	return ipv4.Address{}, false
}

func (o Options) seconds(code byte) (uint32, bool) {
	if value := o[code]; len(value) == 4 {
		return binary.BigEndian.Uint32(value), true
	}
	return 0, false
}
