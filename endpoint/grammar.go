package endpoint

import (
	"errors"
	"strings"
)

// The size of an endpoint; a longer one, or one of more arguments, is refused.
const (
	maxBytes = 4096
	maxWords = 64
	maxDepth = 8 // endpoints within endpoints
)

// A word is one argument: key=text, or text alone.
type word struct {
	key  string // "": positional
	text string // without its escapes
	at   int    // where it begins, in bytes
}

// split cuts what follows the type into its arguments.
//
//	words   = [ word *( ":" word ) ]
//	word    = [ key "=" ] text
//	key     = lower-case letters, digits and dashes
//	text    = characters; "\" makes the next one plain, and from "[" to "]"
//	          colons and equal signs are plain too, for IPv6 addresses
func split(s string) ([]word, error) {
	if s == "" {
		return nil, nil
	}
	var words []word
	var text strings.Builder
	w := word{}
	plain := true // no escape so far: what comes before "=" can be a key
	inside := -1  // where the bracket opened
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == ':' && inside < 0 {
			if len(words) == maxWords {
				return nil, errors.New("too many arguments: want at most 64")
			}
			w.text = text.String()
			words = append(words, w)
			text.Reset()
			w, plain = word{at: i + 1}, true
			continue
		}
		switch c := s[i]; {
		case c == '\\':
			if i++; i == len(s) {
				return nil, errors.New(`ends in a lone \: want a character after it`)
			}
			plain = false
			text.WriteByte(s[i])
		case c == '=' && inside < 0 && plain && w.key == "" && isKey(text.String()):
			w.key = text.String()
			text.Reset()
		default:
			switch {
			case c == '[' && inside < 0:
				inside = i
			case c == ']':
				inside = -1
			}
			text.WriteByte(c)
		}
	}
	if inside >= 0 {
		return nil, errors.New(`"[" without "]": want an IPv6 address between them, or \[ for the character`)
	}
	return words, nil
}

// isKey reports whether s looks like a key. "/run/a" does not, so that most
// paths with an equal sign need no escape.
func isKey(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || i > 0 && ('0' <= c && c <= '9' || c == '-')) {
			return false
		}
	}
	return s != ""
}

var quoter = strings.NewReplacer(`\`, `\\`, `:`, `\:`, `=`, `\=`, `[`, `\[`, `]`, `\]`)

// Quote escapes s, a path or a whole endpoint, so that it can stand as one
// argument of an endpoint: `unix:` + Quote(path).
func Quote(s string) string { return quoter.Replace(s) }

// nearest is the one of names that s may have been meant to be: one slip away,
// or two in a longer word. "" if none is.
func nearest(s string, names []string) string {
	best, least := "", 3
	for _, name := range names {
		slips := distance(strings.ToLower(s), name)
		if slips < least && (slips < 2 || len(name) > 4) {
			best, least = name, slips
		}
	}
	return best
}

// distance counts the slips that make b of a: a letter too many, missing or
// wrong, or two that changed places.
func distance(a, b string) int {
	if len(a) > 32 || len(b) > 32 {
		return 32
	}
	var d [33][33]int // of the first i letters of a and j of b
	for i := range len(a) + 1 {
		for j := range len(b) + 1 {
			if i == 0 || j == 0 {
				d[i][j] = i + j
				continue
			}
			wrong := d[i-1][j-1]
			if a[i-1] != b[j-1] {
				wrong++
			}
			d[i][j] = min(wrong, d[i-1][j]+1, d[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
