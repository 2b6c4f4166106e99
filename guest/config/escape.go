package config

import (
	"errors"
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// unescape gives the text that a field stands for. A field is UTF-8 without white space and control characters;
// those and the backslash are written \xHH, lower case, and the empty text is written \-. There is one way to
// write each text; every other is refused. So is NUL, which ends a string in execve(2).
func unescape(field string) (string, error) {
	if field == `\-` {
		return "", nil
	}
	if field == "" {
		return "", errors.New("two spaces, or a space at the end of the line")
	}
	var text strings.Builder
	for i := 0; i < len(field); i++ {
		char := field[i]
		if char != '\\' {
			if needsEscape(char) {
				return "", errors.New("a control character is not escaped")
			}
			text.WriteByte(char)
			continue
		}
		if i+3 >= len(field) || field[i+1] != 'x' {
			return "", errors.New("an escape is not \\xHH")
		}
		high, low := strings.IndexByte(hexDigits, field[i+2]), strings.IndexByte(hexDigits, field[i+3])
		if high < 0 || low < 0 {
			return "", errors.New("an escape is not \\xHH")
		}
		escaped := byte(high<<4 | low)
		if escaped == 0 || !needsEscape(escaped) {
			return "", errors.New("a character must not be escaped")
		}
		text.WriteByte(escaped)
		i += 3
	}
	if !utf8.ValidString(text.String()) {
		return "", errors.New("a field is not UTF-8")
	}
	return text.String(), nil
}

func needsEscape(char byte) bool {
	return char <= ' ' || char == '\\' || char == 0x7f
}
