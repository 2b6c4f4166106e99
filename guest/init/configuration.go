package main

import (
	"errors"
	"os"
	"strconv"
	"syscall"

	"altee/guest/config"
	"altee/guest/sysctl"
)

func loadConfig() (*config.Config, error) {
	text, err := os.ReadFile(config.Path)
	if err != nil {
		return nil, incomplete(config.Path, err)
	}
	settings, err := config.Parse(string(text))
	if err != nil {
		return nil, errors.New(config.Path + ": " + err.Error())
	}
	return settings, nil
}

// checkFiles compares the initramfs with the configuration's list. Where memory is short the kernel unpacks a
// part of the initramfs, says so in one line, and boots on. It sets a file's size before its content, so the last
// one can be short of content only: that is why the builder ends the archive with a file that says nothing, /whole.
func checkFiles(files []config.File) error {
	for _, file := range files {
		var stat syscall.Stat_t
		if err := syscall.Lstat(file.Path, &stat); err != nil {
			return incomplete(file.Path, err)
		}
		if stat.Mode&syscall.S_IFMT != syscall.S_IFREG {
			return errors.New("the image is damaged: " + file.Path + " is not a regular file")
		}
		if stat.Size != file.Size {
			return incomplete(file.Path, errors.New(strconv.FormatInt(stat.Size, 10)+" of "+
				strconv.FormatInt(file.Size, 10)+" bytes"))
		}
	}
	return nil
}

func incomplete(path string, err error) error {
	if path, ok := err.(*os.PathError); ok {
		err = path.Err
	}
	return errors.New("the image is incomplete: " + path + ": " + err.Error() + "; is there enough memory?")
}

func hardenKernel(settings *config.Config) error {
	if err := sysctl.Apply("/proc/sys", settings.Without); err != nil {
		return errors.New("sysctl: " + err.Error())
	}
	return nil
}

func setHostname(name string) error {
	return os.NewSyscallError("sethostname", syscall.Sethostname([]byte(name)))
}
