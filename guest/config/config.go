// Package config reads what the image tells PID 1: /altee/config, which the builder wrote and the firmware
// measured with the rest of the initramfs.
//
// The format is one setting a line: a key and its fields, separated by single spaces. The first line is
// "altee-config 1", the last is "end", so that a file cut short is noticed. See Parse for the keys and
// unescape for how a field carries any text.
package config

import "altee/guest/ipv4"

// Path is where the builder puts the configuration.
const Path = "/altee/config"

// OnExit says what follows the end of the app.
type OnExit string

const (
	PowerOff OnExit = "poweroff"
	Reboot   OnExit = "reboot"
	Restart  OnExit = "restart"
)

// Mode says where the network's addresses come from.
type Mode string

const (
	None   Mode = "none"
	DHCP   Mode = "dhcp"
	Static Mode = "static"
)

// Network is the manifest's network section. Address, Gateway and DNS are for Static only.
type Network struct {
	Mode    Mode
	Address ipv4.Prefix
	Gateway ipv4.Address // zero: no default route
	DNS     []ipv4.Address
}

// File is a regular file that the initramfs must hold, with its size in bytes.
type File struct {
	Path string
	Size int64
}

// Config is the whole configuration; every value has been checked.
type Config struct {
	Hostname string

	Exec    string   // absolute path of the app
	Args    []string // after the program name
	Env     []string // "NAME=value", the app's whole environment
	Workdir string
	UID     uint32
	GID     uint32

	OpenFiles uint64 // RLIMIT_NOFILE
	Processes uint64 // RLIMIT_NPROC

	OnExit  OnExit
	Network Network

	// Without names the sysctls that this image does without, by an exception with a reason in its manifest.
	Without []string
	Files   []File
}
