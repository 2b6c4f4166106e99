package config

import (
	"math/rand"
	"reflect"
	"strings"
	"testing"

	"altee/guest/ipv4"
)

const whole = `altee-config 1
hostname hello
exec /app/hello
arg --greeting
arg good\x20day\x0a
arg \-
env LOG info
env EMPTY \-
workdir /
uid 1000
gid 1001
open-files 1024
processes 64
on-exit restart
network static
address 10.0.2.15/24
gateway 10.0.2.2
dns 1.1.1.1
dns 9.9.9.9
without kernel.yama.ptrace_scope
file 5 /app/hello
file 0 /app/data\x5cü
end
`

func TestParseReadsEveryKey(t *testing.T) {
	got, err := Parse(whole)
	want := &Config{
		Hostname: "hello", Exec: "/app/hello", Args: []string{"--greeting", "good day\n", ""},
		Env: []string{"LOG=info", "EMPTY="}, Workdir: "/", UID: 1000, GID: 1001,
		OpenFiles: 1024, Processes: 64, OnExit: Restart,
		Network: Network{
			Mode: Static, Address: ipv4.Prefix{Address: ipv4.Address{10, 0, 2, 15}, Bits: 24},
			Gateway: ipv4.Address{10, 0, 2, 2}, DNS: []ipv4.Address{{1, 1, 1, 1}, {9, 9, 9, 9}},
		},
		Without: []string{"kernel.yama.ptrace_scope"},
		Files:   []File{{"/app/hello", 5}, {`/app/data\ü`, 0}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestParseNamesWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct{ old, new, want string }{
		"unknown key":          {"uid 1000", "iud 1000", `line 10: unknown key "iud"`},
		"missing key":          {"uid 1000\n", "", `key "uid" is missing`},
		"repeated key":         {"uid 1000\n", "uid 1000\nuid 1001\n", `line 11: key "uid" is given twice`},
		"another version":      {"altee-config 1", "altee-config 2", `line 1: must be "altee-config 1"`},
		"empty line":           {"uid 1000\n", "\nuid 1000\n", `line 10: unknown key ""`},
		"too many fields":      {"uid 1000", "uid 1000 1000", `line 10: key "uid" has 2 fields, needs 1`},
		"no field":             {"uid 1000", "uid", `line 10: two spaces, or a space at the end of the line`},
		"two spaces":           {"uid 1000", "uid  1000", `line 10: key "uid" has 2 fields, needs 1`},
		"carriage return":      {"uid 1000", "uid 1000\r", `line 10: a control character is not escaped`},
		"root":                 {"uid 1000", "uid 0", `line 10: uid: "0" must be a number from 1 to 4294967294`},
		"unchanged id":         {"gid 1001", "gid 4294967295", `line 11: gid: "4294967295" must be a number from 1 to 4294967294`},
		"leading zero":         {"uid 1000", "uid 01000", `line 10: uid: "01000" must be a number from 1 to 4294967294`},
		"sign":                 {"uid 1000", "uid +1000", `line 10: uid: "+1000" must be a number from 1 to 4294967294`},
		"relative path":        {"exec /app/hello", "exec app/hello", `line 3: exec: must be an absolute path`},
		"variable without =":   {"env LOG info", "env L=G info", `line 7: env: a name must not be empty nor hold =`},
		"on-exit":              {"on-exit restart", "on-exit halt", `line 14: on-exit: must be poweroff, reboot or restart`},
		"details without mode": {"network static", "network dhcp", `address, gateway and dns are for network static only`},
		"static without":       {"address 10.0.2.15/24\n", "", `network static needs an address`},
		"bad address":          {"dns 9.9.9.9", "dns 9.9.9", `line 19: dns: "9.9.9" is no IPv4 address`},
		"NUL":                  {`\x0a`, `\x00`, `line 5: a character must not be escaped`},
		"needless escape":      {`\x0a`, `\x61`, `line 5: a character must not be escaped`},
		"upper-case escape":    {`\x0a`, `\x0A`, "line 5: an escape is not \\xHH"},
		"cut escape":           {`\x0a`, `\x0`, "line 5: an escape is not \\xHH"},
		"other escape":         {`\x0a`, `\n`, "line 5: an escape is not \\xHH"},
		"not UTF-8":            {"LOG info", "LOG \xff", "line 7: a field is not UTF-8"},
		"no end":               {"end\n", "", `the last line is not "end": the file is cut short`},
		"no newline":           {"end\n", "end", `the last line is not "end": the file is cut short`},
		"more after the end":   {"end\n", "end\nuid 1\n", `the last line is not "end": the file is cut short`},
	} {
		text := strings.Replace(whole, test.old, test.new, 1)
		config, err := Parse(text)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: got %v, %v, want %q", name, config, err, test.want)
		}
	}
}

func TestParseRefusesEveryCut(t *testing.T) {
	for length := range whole {
		if _, err := Parse(whole[:length]); err == nil {
			t.Errorf("%d bytes were taken", length)
		}
	}
}

func TestParseDoesNotPanic(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for range 100_000 {
		text := []byte(whole)
		for range 1 + random.Intn(8) {
			text[random.Intn(len(text))] = byte(random.Intn(256))
		}
		Parse(string(text))
	}
}
