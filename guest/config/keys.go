package config

import (
	"errors"
	"strconv"
	"strings"

	"altee/guest/ipv4"
)

// How often a key stands in a configuration.
type times int

const (
	once times = iota
	atMostOnce
	anyNumber
)

// A key, the number of its fields, and how they are read.
type key struct {
	name   string
	times  times
	fields int
	read   func(config *Config, fields []string) error
}

var keys = []key{
	{"hostname", once, 1, func(c *Config, f []string) error {
		c.Hostname = f[0]
		// 64 is __NEW_UTS_LEN, uname(2).
		return check(f[0] != "" && len(f[0]) <= 64, "must be 1 to 64 bytes")
	}},
	{"exec", once, 1, func(c *Config, f []string) error {
		c.Exec = f[0]
		return checkPath(f[0])
	}},
	{"arg", anyNumber, 1, func(c *Config, f []string) error {
		c.Args = append(c.Args, f[0])
		return nil
	}},
	{"env", anyNumber, 2, func(c *Config, f []string) error {
		c.Env = append(c.Env, f[0]+"="+f[1])
		return check(f[0] != "" && !strings.Contains(f[0], "="), "a name must not be empty nor hold =")
	}},
	{"workdir", once, 1, func(c *Config, f []string) error {
		c.Workdir = f[0]
		return checkPath(f[0])
	}},
	{"uid", once, 1, func(c *Config, f []string) (err error) {
		c.UID, err = readID(f[0])
		return err
	}},
	{"gid", once, 1, func(c *Config, f []string) (err error) {
		c.GID, err = readID(f[0])
		return err
	}},
	{"open-files", once, 1, func(c *Config, f []string) (err error) {
		c.OpenFiles, err = readNumber(f[0], 1, 1<<31)
		return err
	}},
	{"processes", once, 1, func(c *Config, f []string) (err error) {
		c.Processes, err = readNumber(f[0], 1, 1<<31)
		return err
	}},
	{"on-exit", once, 1, func(c *Config, f []string) error {
		c.OnExit = OnExit(f[0])
		return check(c.OnExit == PowerOff || c.OnExit == Reboot || c.OnExit == Restart,
			"must be poweroff, reboot or restart")
	}},
	{"network", once, 1, func(c *Config, f []string) error {
		c.Network.Mode = Mode(f[0])
		mode := c.Network.Mode
		return check(mode == None || mode == DHCP || mode == Static, "must be none, dhcp or static")
	}},
	{"address", atMostOnce, 1, func(c *Config, f []string) (err error) {
		c.Network.Address, err = ipv4.ParsePrefix(f[0])
		return err
	}},
	{"gateway", atMostOnce, 1, func(c *Config, f []string) (err error) {
		c.Network.Gateway, err = ipv4.Parse(f[0])
		return err
	}},
	{"dns", anyNumber, 1, func(c *Config, f []string) error {
		address, err := ipv4.Parse(f[0])
		c.Network.DNS = append(c.Network.DNS, address)
		return err
	}},
	{"without", anyNumber, 1, func(c *Config, f []string) error {
		c.Without = append(c.Without, f[0])
		return nil
	}},
	{"file", anyNumber, 2, func(c *Config, f []string) error {
		size, err := readNumber(f[0], 0, 1<<40)
		if err != nil {
			return err
		}
		c.Files = append(c.Files, File{Path: f[1], Size: int64(size)})
		return checkPath(f[1])
	}},
}

func findKey(name string) *key {
	for i := range keys {
		if keys[i].name == name {
			return &keys[i]
		}
	}
	return nil
}

func checkNetwork(network *Network) error {
	hasDetails := network.Address != ipv4.Prefix{} || network.Gateway != ipv4.Address{} || network.DNS != nil
	if network.Mode != Static {
		return check(!hasDetails, "address, gateway and dns are for network static only")
	}
	return check(network.Address != ipv4.Prefix{}, "network static needs an address")
}

func checkPath(path string) error {
	return check(strings.HasPrefix(path, "/"), "must be an absolute path")
}

// readID reads a user or group id. Root is refused, and so is 4294967295, which setresuid(2) takes for "leave
// unchanged": the app would keep the id of PID 1.
func readID(text string) (uint32, error) {
	id, err := readNumber(text, 1, 1<<32-2)
	return uint32(id), err
}

func readNumber(text string, least, most uint64) (uint64, error) {
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil || strconv.FormatUint(number, 10) != text || number < least || number > most {
		return 0, errors.New(strconv.Quote(text) + " must be a number from " + strconv.FormatUint(least, 10) +
			" to " + strconv.FormatUint(most, 10))
	}
	return number, nil
}

func check(holds bool, otherwise string) error {
	if holds {
		return nil
	}
	return errors.New(otherwise)
}
