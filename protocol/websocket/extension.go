package websocket

import "strings"

// An extension is one of Sec-WebSocket-Extensions, with its parameters.
// https://www.rfc-editor.org/rfc/rfc6455#section-9.1
type extension struct {
	name   string
	params []param
}

type param struct{ name, value string }

const (
	maxExtensions = 32 // that are looked at; the rest is only parsed
	maxParams     = 8  // of one: more than any has
	maxTokens     = 64 // of a list that are looked at
)

// parseExtensions reads the field, whose lines are joined by commas. It looks
// at each byte once or twice, and keeps no more than it must; ok is false if
// that is not its grammar.
func parseExtensions(field string) (list []extension, ok bool) {
	s := scanner(field)
	for {
		s.space()
		switch {
		case s == "":
			return list, true
		case s[0] == ',': // an empty element
			s = s[1:]
			continue
		}
		var e extension
		if e.name = s.token(); e.name == "" {
			return nil, false
		}
		for s.space(); s.next(';'); s.space() {
			var p param
			s.space()
			if p.name = s.token(); p.name == "" {
				return nil, false
			}
			s.space()
			if s.next('=') {
				s.space()
				if p.value, ok = s.value(); !ok {
					return nil, false
				}
			}
			if len(e.params) < maxParams {
				e.params = append(e.params, p)
			}
		}
		if len(list) < maxExtensions {
			list = append(list, e)
		}
		if s != "" && !s.next(',') {
			return nil, false
		}
	}
}

// A scanner is what is left to read.
type scanner string

func (s *scanner) space() { *s = scanner(strings.TrimLeft(string(*s), " \t")) }

// next takes b, if that is what comes.
func (s *scanner) next(b byte) bool {
	if *s == "" || (*s)[0] != b {
		return false
	}
	*s = (*s)[1:]
	return true
}

// token takes a token; "": there is none.
func (s *scanner) token() string {
	n := 0
	for n < len(*s) && isTokenByte((*s)[n]) {
		n++
	}
	t := string((*s)[:n])
	*s = (*s)[n:]
	return t
}

// value takes a token, or a quoted string of which a token can be made: "When
// using the quoted-string syntax variant, the value after quoted-string
// unescaping MUST conform to the 'token' ABNF."
func (s *scanner) value() (string, bool) {
	if !s.next('"') {
		t := s.token()
		return t, t != ""
	}
	var b strings.Builder
	for i := 0; i < len(*s); i++ {
		switch c := (*s)[i]; {
		case c == '"':
			*s = (*s)[i+1:]
			return b.String(), b.Len() > 0
		case c == '\\' && i+1 < len(*s) && isTokenByte((*s)[i+1]):
			i++
			b.WriteByte((*s)[i])
		case isTokenByte(c):
			b.WriteByte(c)
		default:
			return "", false
		}
	}
	return "", false
}

// isTokenByte: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// isToken says whether s is a token.
func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// tokens are the elements of a list of tokens; ok is false if it is none.
func tokens(field string) (list []string, ok bool) {
	for element := range strings.SplitSeq(field, ",") {
		if element = strings.Trim(element, " \t"); element == "" {
			continue
		}
		if !isToken(element) {
			return nil, false
		}
		if len(list) < maxTokens {
			list = append(list, element)
		}
	}
	return list, true
}
