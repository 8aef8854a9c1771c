package logsink

import (
	"strconv"
	"unicode/utf8"
)

// appendWord appends s as it is if it can be told from what is around it: it is
// printable and has no space, quote or equals sign. Else it is quoted like a Go
// string, so that no control character, line break or sequence that moves the
// cursor of a terminal gets out.
func appendWord(b []byte, s string) []byte {
	if isWord(s) {
		return append(b, s...)
	}
	return strconv.AppendQuote(b, s)
}

// appendMessage is appendWord for what may have spaces inside.
func appendMessage(b []byte, s string) []byte {
	if s != "" && s[0] != ' ' && s[len(s)-1] != ' ' && plain(s, "\"=") {
		return append(b, s...)
	}
	return strconv.AppendQuote(b, s)
}

// appendPrintable appends s and escapes only what is not printable.
func appendPrintable(b []byte, s string) []byte {
	for i, n := 0, 0; i < len(s); i += n {
		_, n = utf8.DecodeRuneInString(s[i:])
		if c := s[i : i+n]; plain(c, "") {
			b = append(b, c...)
		} else {
			q := strconv.Quote(c)
			b = append(b, q[1:len(q)-1]...)
		}
	}
	return b
}

func isWord[S string | []byte](s S) bool { return len(s) > 0 && plain(s, " \"=") }

// plain says whether a terminal shows all of s and obeys none of it, and none of
// the ASCII characters without are in it. Of the spaces only the ordinary one is
// plain; what changes the direction of writing is not.
func plain[S string | []byte](s S, without string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)]))
			if r == utf8.RuneError && n == 1 || !strconv.IsPrint(r) {
				return false
			}
			i += n - 1
			continue
		}
		if c < ' ' || c == 0x7f {
			return false
		}
		for j := range len(without) {
			if c == without[j] {
				return false
			}
		}
	}
	return true
}
