package seccomp

import (
	"encoding/binary"
	"testing"
)

// run is classic BPF as far as program uses it; it fails the test on anything else.
func run(t *testing.T, code []instruction, arch, number uint32, arguments [6]uint64) Action {
	t.Helper()
	data := make([]byte, 64) // struct seccomp_data
	binary.LittleEndian.PutUint32(data[0:], number)
	binary.LittleEndian.PutUint32(data[4:], arch)
	for i, argument := range arguments {
		binary.LittleEndian.PutUint64(data[16+8*i:], argument)
	}
	var accumulator uint32
	for at := 0; at < len(code); at++ {
		in := code[at]
		var holds bool
		switch in.code {
		case loadWord:
			accumulator = binary.LittleEndian.Uint32(data[in.k:])
			continue
		case returnValue:
			return Action(in.k)
		case jumpIfEqual:
			holds = accumulator == in.k
		case jumpIfGreater:
			holds = accumulator > in.k
		case jumpIfBits:
			holds = accumulator&in.k != 0
		default:
			t.Fatalf("instruction %d has code %#x", at, in.code)
		}
		if holds {
			at += int(in.jumpTrue)
		} else {
			at += int(in.jumpFalse)
		}
	}
	t.Fatal("the program ran past its end")
	return 0
}

func TestProgramForbidsEachCallOfTheRules(t *testing.T) {
	forbidden := make(map[uint32]Action)
	for _, rule := range rules {
		for _, call := range rule.calls {
			if _, twice := forbidden[call.number]; twice {
				t.Errorf("%s (%d) stands in two rules", call.name, call.number)
			}
			forbidden[call.number] = rule.action
		}
	}
	code := program()
	for number := uint32(0); number <= newestCall; number++ {
		want, found := forbidden[number]
		if !found {
			want = allow
		}
		if number == 41 || number == 135 {
			continue // judged by an argument, below
		}
		if got := run(t, code, archX86_64, number, [6]uint64{}); got != want {
			t.Errorf("call %d gives %#x, want %#x", number, got, want)
		}
	}
}

func TestProgramJudgesArguments(t *testing.T) {
	const forkFlags, threadFlags = 0x01200011, 0x003d0f00
	for _, test := range []struct {
		name     string
		number   uint32
		argument int
		value    uint64
		want     Action
	}{
		{"fork", 56, 0, forkFlags, allow},
		{"a thread", 56, 0, threadFlags, allow},
		{"a user namespace", 56, 0, 0x10000000 | 17, kill},
		{"a mount namespace among threads' flags", 56, 0, threadFlags | 0x20000, kill},
		{"AF_INET", 41, 0, 2, allow},
		{"AF_VSOCK", 41, 0, 40, allow},
		{"AF_PACKET", 41, 0, 17, noFamily},
		{"AF_ALG", 41, 0, 38, noFamily},
		{"AF_INET with dirt above 32 bits", 41, 0, 1<<32 | 2, allow},
		{"AF_PACKET with dirt above 32 bits", 41, 0, 1<<32 | 17, noFamily},
		{"personality query", 135, 0, 0xffffffff, allow},
		{"ADDR_NO_RANDOMIZE", 135, 0, 0x40000, refuse},
		{"TCGETS", 16, 1, 0x5401, allow},
		{"TIOCSTI", 16, 1, 0x5412, refuse},
		{"TIOCSTI with dirt above 32 bits", 16, 1, 1<<40 | 0x5412, refuse},
		{"TIOCSETD", 16, 1, 0x5423, refuse},
	} {
		var arguments [6]uint64
		arguments[test.argument] = test.value
		if got := run(t, program(), archX86_64, test.number, arguments); got != test.want {
			t.Errorf("%s gives %#x, want %#x", test.name, got, test.want)
		}
	}
}

func TestProgramKnowsNoOtherArchitectureAndNoNewerCall(t *testing.T) {
	const archI386, x32 = 0x40000003, 0x40000000
	if got := run(t, program(), archI386, 21, [6]uint64{}); got != kill {
		t.Errorf("a 32-bit call gives %#x", got)
	}
	for _, number := range []uint32{newestCall + 1, x32, x32 | 165, 0xffffffff} {
		if got := run(t, program(), archX86_64, number, [6]uint64{}); got != absent {
			t.Errorf("call %#x gives %#x", number, got)
		}
	}
}

func TestProgramFitsTheKernelsLimit(t *testing.T) {
	if length := len(program()); length > 4096 { // BPF_MAXINSNS
		t.Errorf("%d instructions", length)
	}
}
