package page

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/twistor-go/twistor/protocol/weblog"
)

// How many bytes of a field are shown. A log has what strangers sent: lines of
// 64 KiB are for its file.
const (
	maxPathBytes  = 512
	maxFieldBytes = 200
)

// appendRow appends a hit as page.js reads it: an array, to be short.
func appendRow(dst []byte, number uint64, h weblog.Hit) []byte {
	// Marshal escapes <, > and & beside what JSON wants, and cannot fail on these.
	row, _ := json.Marshal([]any{
		number, h.Time.Unix(), readable(h.Host, maxFieldBytes), readable(h.User, maxFieldBytes),
		readable(h.Method, maxFieldBytes), readable(h.Path, maxPathBytes), h.Status, h.Bytes,
		readable(h.Referrer, maxFieldBytes), readable(h.Agent, maxFieldBytes),
	})
	return append(dst, row...)
}

// readable is s for people, of max bytes or a few more: a byte that is no text, and what would change how its
// surroundings look, such as the marks that turn the direction of writing, is written as \xHH.
func readable(s string, max int) string {
	if len(s) <= max && !strings.ContainsFunc(s, hidden) {
		return s
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for len(s) > 0 {
		if b.Len() >= max {
			b.WriteString("…")
			break
		}
		r, n := utf8.DecodeRuneInString(s)
		if hidden(r) {
			for _, c := range []byte(s[:n]) {
				b.WriteString(`\x` + digits[c>>4:c>>4+1] + digits[c&15:c&15+1])
			}
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// hidden reports whether r would not be seen as itself.
func hidden(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
