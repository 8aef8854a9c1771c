package logsink

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// appendWord appends s as it is if it can be told from what is around it: it is
// printable and has no space, quote or equals sign. Else it is quoted like a Go
// string, so that no control character, line break or sequence that moves the
// cursor of a terminal gets out.
func appendWord(b []byte, s string) []byte {
	if s == "" || strings.ContainsAny(s, ` "=`) || !printable(s) {
		return strconv.AppendQuote(b, s)
	}
	return append(b, s...)
}

// appendMessage is appendWord for what may have spaces inside.
func appendMessage(b []byte, s string) []byte {
	if s == "" || s[0] == ' ' || s[len(s)-1] == ' ' || strings.ContainsAny(s, `"=`) || !printable(s) {
		return strconv.AppendQuote(b, s)
	}
	return append(b, s...)
}

// appendPrintable appends s and escapes only what is not printable.
func appendPrintable(b []byte, s string) []byte {
	for i, n := 0, 0; i < len(s); i += n {
		if n = runeAt(s, i); printable(s[i : i+n]) {
			b = append(b, s[i:i+n]...)
			continue
		}
		q := strconv.Quote(s[i : i+n])
		b = append(b, q[1:len(q)-1]...)
	}
	return b
}

// printable says whether a terminal shows all of s and obeys none of it. Of the
// spaces only the ordinary one is printable; what changes the direction of
// writing is not.
func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf {
			return utf8.ValidString(s[i:]) && strings.IndexFunc(s[i:], unprintable) < 0
		} else if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

func unprintable(r rune) bool { return !strconv.IsPrint(r) }

func runeAt(s string, i int) int {
	_, n := utf8.DecodeRuneInString(s[i:])
	return n
}
