package sysctl

import (
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
)

// Apply writes every setting below root, which is /proc/sys. Exceptions are names of settings that the manifest
// does without. A setting that exists and can't be written is an error; so is an absent one that is always
// needed.
func Apply(root string, exceptions []string) error {
	for _, exception := range exceptions {
		if !slices.ContainsFunc(settings, func(s setting) bool { return s.name == exception }) {
			return errors.New("no setting is named " + exception)
		}
	}
	for _, setting := range settings {
		if slices.Contains(exceptions, setting.name) {
			continue
		}
		err := write(root+"/"+strings.ReplaceAll(setting.name, ".", "/"), setting.value)
		if err == syscall.ENOENT && setting.absent == withFeature {
			continue
		}
		if err != nil {
			return errors.New(setting.name + "=" + setting.value + ": " + err.Error())
		}
	}
	return nil
}

func write(path, value string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err.(*os.PathError).Err
	}
	defer file.Close()
	if _, err := file.WriteString(value + "\n"); err != nil {
		return err.(*os.PathError).Err
	}
	return nil
}
