package seccomp

// instruction is struct sock_filter, linux/filter.h.
type instruction struct {
	code      uint16
	jumpTrue  uint8
	jumpFalse uint8
	k         uint32
}

// Classic BPF as seccomp(2) has it.
const (
	loadWord      = 0x20 // BPF_LD | BPF_W | BPF_ABS: accumulator := 32 bits of seccomp_data at k
	jumpIfEqual   = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	jumpIfGreater = 0x25 // BPF_JMP | BPF_JGT | BPF_K
	jumpIfBits    = 0x45 // BPF_JMP | BPF_JSET | BPF_K
	returnValue   = 0x06 // BPF_RET | BPF_K
)

// Offsets in struct seccomp_data.
const (
	offsetNumber    = 0
	offsetArch      = 4
	offsetArguments = 16
)

// archX86_64 is AUDIT_ARCH_X86_64, linux/audit.h. Calls by int 0x80 carry another one and other numbers.
const archX86_64 = 0xc000003e

// Program gives the filter. Each rule is a pair of instructions, "if not this number, skip one; return", so no
// jump is ever too far for its 8 bits. Its length does not matter: the kernel remembers calls that are allowed
// whatever their arguments are and runs the filter for others only.
func program() []instruction {
	code := []instruction{
		{loadWord, 0, 0, offsetArch},
		{jumpIfEqual, 1, 0, archX86_64},
		{returnValue, 0, 0, uint32(kill)},
		{loadWord, 0, 0, offsetNumber},
		{jumpIfGreater, 0, 1, newestCall},
		{returnValue, 0, 0, uint32(absent)},
	}
	for _, rule := range rules {
		for _, call := range rule.calls {
			code = append(code,
				instruction{jumpIfEqual, 0, 1, call.number},
				instruction{returnValue, 0, 0, uint32(rule.action)},
			)
		}
	}
	for _, rule := range argumentRules {
		body := argumentTest(rule)
		code = append(code, instruction{jumpIfEqual, 0, uint8(len(body)), rule.call.number})
		code = append(code, body...)
	}
	return append(code, instruction{returnValue, 0, 0, uint32(allow)})
}

// argumentTest loads the argument, jumps by the test's values and returns in every case.
func argumentTest(rule argumentRule) []instruction {
	jump, matched, unmatched := uint16(jumpIfEqual), rule.action, allow
	switch rule.test {
	case anyBitOf:
		jump = jumpIfBits
	case noneOf:
		matched, unmatched = allow, rule.action
	}
	// x86-64 is little-endian: the lower half of a 64-bit argument comes first.
	code := []instruction{{loadWord, 0, 0, offsetArguments + 8*uint32(rule.argument)}}
	for i, value := range rule.values {
		toMatched := uint8(len(rule.values) - i)
		code = append(code, instruction{jump, toMatched, 0, value})
	}
	return append(code,
		instruction{returnValue, 0, 0, uint32(unmatched)},
		instruction{returnValue, 0, 0, uint32(matched)},
	)
}
