package config

import (
	"errors"
	"strconv"
	"strings"
)

const (
	firstLine = "altee-config 1"
	lastLine  = "end"
)

// Parse reads a configuration. It refuses everything that the builder would not have written: unknown, missing
// and repeated keys, other spacing, other escapes. Errors name the line.
func Parse(text string) (*Config, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 3 || lines[len(lines)-1] != "" || lines[len(lines)-2] != lastLine {
		return nil, errors.New(`the last line is not "` + lastLine + `": the file is cut short`)
	}
	if lines[0] != firstLine {
		return nil, atLine(1, `must be "`+firstLine+`"`)
	}
	config := &Config{}
	seen := make(map[string]bool)
	for index, line := range lines[1 : len(lines)-2] {
		if err := readLine(config, seen, line); err != nil {
			return nil, atLine(index+2, err.Error())
		}
	}
	for _, key := range keys {
		if key.times == once && !seen[key.name] {
			return nil, errors.New("key " + strconv.Quote(key.name) + " is missing")
		}
	}
	if err := checkNetwork(&config.Network); err != nil {
		return nil, err
	}
	return config, nil
}

func readLine(config *Config, seen map[string]bool, line string) error {
	name, rest, _ := strings.Cut(line, " ")
	key := findKey(name)
	if key == nil {
		return errors.New("unknown key " + strconv.Quote(name))
	}
	if seen[name] && key.times != anyNumber {
		return errors.New("key " + strconv.Quote(name) + " is given twice")
	}
	seen[name] = true

	fields := strings.Split(rest, " ")
	if len(fields) != key.fields {
		return errors.New("key " + strconv.Quote(name) + " has " + strconv.Itoa(len(fields)) +
			" fields, needs " + strconv.Itoa(key.fields))
	}
	for i, field := range fields {
		value, err := unescape(field)
		if err != nil {
			return err
		}
		fields[i] = value
	}
	if err := key.read(config, fields); err != nil {
		return errors.New(name + ": " + err.Error())
	}
	return nil
}

func atLine(number int, text string) error {
	return errors.New("line " + strconv.Itoa(number) + ": " + text)
}
