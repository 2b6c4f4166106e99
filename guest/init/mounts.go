package main

import (
	"errors"
	"os"
	"strconv"
	"syscall"

	"altee/guest/config"
)

type mount struct {
	target  string
	kind    string
	flags   uintptr
	options string
}

const (
	nosuid  = syscall.MS_NOSUID
	nodev   = syscall.MS_NODEV
	noexec  = syscall.MS_NOEXEC
	rdonly  = syscall.MS_RDONLY
	remount = syscall.MS_REMOUNT
)

// mountDevices comes first: without /dev there is no console to say anything on.
func mountDevices() error {
	return mountAll([]mount{{"/dev", "devtmpfs", nosuid | noexec, "mode=0755"}})
}

// mountFileSystems mounts what the kernel shows about itself. hidepid=invisible: the app sees its own processes
// only.
func mountFileSystems() error {
	if err := mountAll([]mount{
		{"/proc", "proc", nosuid | nodev | noexec, "hidepid=invisible"},
		{"/sys", "sysfs", rdonly | nosuid | nodev | noexec, ""},
	}); err != nil {
		return err
	}
	const securityfs = "/sys/kernel/security"
	if _, err := os.Stat(securityfs); err != nil {
		return nil // not in this kernel
	}
	return mountAll([]mount{{securityfs, "securityfs", rdonly | nosuid | nodev | noexec, ""}})
}

// mountWritable mounts the folders that the app can write to. All are noexec: what runs was measured.
func mountWritable(settings *config.Config) error {
	owner := ",uid=" + strconv.Itoa(int(settings.UID)) + ",gid=" + strconv.Itoa(int(settings.GID))
	return mountAll([]mount{
		{"/tmp", "tmpfs", nosuid | nodev | noexec, "mode=1777"},
		{"/run", "tmpfs", nosuid | nodev | noexec, "mode=0755,size=10%" + owner},
		{"/dev/shm", "tmpfs", nosuid | nodev | noexec, "mode=1777"},
	})
}

// sealRoot makes everything that came with the image unchangeable, for root too.
func sealRoot() error {
	if err := syscall.Mount("", "/", "", remount|rdonly|nosuid|nodev, ""); err != nil {
		return errors.New("make / read-only: " + err.Error())
	}
	return nil
}

func mountAll(mounts []mount) error {
	for _, m := range mounts {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount(m.kind, m.target, m.kind, m.flags, m.options); err != nil {
			return errors.New("mount " + m.kind + " on " + m.target + ": " + err.Error())
		}
	}
	return nil
}
