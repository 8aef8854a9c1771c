package endpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Args are the arguments of one endpoint, sorted by name. A Kind's Parse reads
// them by methods that remember the first mistake, so that it need not look at
// each: ParseListener and ParseDialer report it. They are of no use when Parse
// has returned. Loop-only.
type Args struct {
	// Type is what stands before the first colon.
	Type string
	// Inner is the endpoint within this one, of a Kind with Inner.
	Inner string

	registry *Registry
	depth    int
	values   map[string]string
	err      error
}

// bind gives the words of an endpoint their names.
func (a *Args) bind(words []word, positional, keys []string, usage string) error {
	known := make([]string, 0, len(positional)+len(keys))
	for _, p := range positional {
		known = append(known, strings.TrimSuffix(p, "?"))
	}
	known = append(known, keys...)
	a.values = make(map[string]string, len(words))
	var texts []string
	for _, w := range words {
		switch {
		case w.key == "":
			texts = append(texts, w.text)
		case !slices.Contains(known, w.key):
			return unknown(w.key, known, usage)
		default:
			if _, twice := a.values[w.key]; twice {
				return &Error{Part: w.key, Err: errors.New("given twice: want it once")}
			}
			a.values[w.key] = w.text
		}
	}
	places := make([]string, 0, len(positional))
	for _, p := range positional {
		if _, given := a.values[strings.TrimSuffix(p, "?")]; !given {
			places = append(places, p)
		}
	}
	for i := 0; len(places) > len(texts) && i < len(places); {
		if strings.HasSuffix(places[i], "?") {
			places = slices.Delete(places, i, i+1)
		} else {
			i++
		}
	}
	if len(texts) > len(places) {
		return fmt.Errorf("argument %s is one too many: want %s", quoted(shorten(texts[len(places)])), usage)
	}
	for i, p := range places {
		name := strings.TrimSuffix(p, "?")
		if i == len(texts) {
			return &Error{Part: name, Err: fmt.Errorf("missing: want %s", usage)}
		}
		a.values[name] = texts[i]
	}
	return nil
}

// unknown is the error of a key that is none.
func unknown(key string, known []string, usage string) error {
	hint := "it takes none: want " + usage
	switch near := nearest(key, known); {
	case near != "":
		hint = "did you mean " + near + "?"
	case len(known) > 0:
		hint = "want one of " + strings.Join(known, ", ")
	}
	return &Error{Part: shorten(key), Err: errors.New("unknown: " + hint)}
}

// Fail notes a mistake in the argument of that name; the first one counts. The
// message says what was wanted.
func (a *Args) Fail(name, format string, args ...any) {
	if a.err == nil {
		a.err = &Error{Part: name, Err: fmt.Errorf(format, args...)}
	}
}

// Has reports whether the argument was given.
func (a *Args) Has(name string) bool { _, ok := a.values[name]; return ok }

// Text is the argument as it is, "" if it was not given.
func (a *Args) Text(name string) string { return a.values[name] }

// Path is a file's name: not empty if it was given, and without NUL bytes.
func (a *Args) Path(name string) string {
	s, ok := a.values[name]
	if ok && (s == "" || strings.ContainsRune(s, 0)) {
		a.Fail(name, "want the name of a file")
	}
	return s
}

// Number is a decimal number from low to high; absent if it was not given.
func (a *Args) Number(name string, low, high, absent int) int {
	s, ok := a.values[name]
	if !ok {
		return absent
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high || s[0] == '+' {
		a.Fail(name, "want a number from %d to %d", low, high)
		return absent
	}
	return n
}

// Bool is yes or no, false if it was not given.
func (a *Args) Bool(name string) bool {
	switch s, ok := a.values[name]; {
	case !ok, s == "no", s == "false", s == "0":
		return false
	case s == "yes", s == "true", s == "1":
		return true
	default:
		a.Fail(name, "want yes or no")
		return false
	}
}

// Duration is a time such as 30s, up to a day; "none" is negative, as the
// structs of package twistor have it, and 0 means that it was not given.
func (a *Args) Duration(name string) time.Duration {
	switch s, ok := a.values[name]; {
	case !ok:
		return 0
	case s == "none":
		return -1
	default:
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 || d > 24*time.Hour {
			a.Fail(name, "want a duration up to 24h, such as 30s or 500ms, or none")
		}
		return d
	}
}

// Mode is a file's permissions in octal, 0 if it was not given.
func (a *Args) Mode(name string) fs.FileMode {
	s, ok := a.values[name]
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n == 0 || n > 0o777 {
		a.Fail(name, "want permissions in octal from 1 to 777, such as 660")
	}
	return fs.FileMode(n)
}

// List is a list with commas, nil if it was not given.
func (a *Args) List(name string) []string {
	s, ok := a.values[name]
	if !ok {
		return nil
	}
	list := strings.Split(s, ",")
	if slices.Contains(list, "") {
		a.Fail(name, "want a list with commas and no empty item")
	}
	return list
}

// Address joins the arguments host and port. low is the least port: 0 where
// the system may choose one.
func (a *Args) Address(low int) string {
	return net.JoinHostPort(a.Host("host"), strconv.Itoa(a.Number("port", low, 65535, 0)))
}

// Remote joins the arguments host and port of somebody to dial: neither may be
// empty.
func (a *Args) Remote() string {
	host := a.Host("host")
	if host == "" {
		a.Fail("host", "want a name or an IP address")
	}
	return net.JoinHostPort(host, strconv.Itoa(a.Number("port", 1, 65535, 0)))
}

// Local is the address to dial from, of the argument bind: an IP address with
// any port, "" if it was not given.
func (a *Args) Local() string {
	if !a.Has("bind") {
		return ""
	}
	ip := a.Host("bind")
	if _, err := netip.ParseAddr(ip); err != nil {
		a.Fail("bind", "want an IP address")
	}
	return net.JoinHostPort(ip, "0")
}

// Host is a name or an IP address, an IPv6 address with or without brackets,
// of which it is relieved; "" if it is empty or was not given.
func (a *Args) Host(name string) string {
	s := a.Text(name)
	if s == "" {
		return ""
	}
	inner, bracket := strings.CutPrefix(s, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	ip, err := netip.ParseAddr(inner)
	switch {
	case bracket != closed, bracket && (err != nil || !ip.Is6()):
		a.Fail(name, "want an IPv6 address between [ and ]")
	case err == nil:
		return inner
	case !isName(s):
		a.Fail(name, "want an IP address, or a name of letters, digits, - and _ with dots between")
	}
	return s
}

// isName reports whether s can be a host's name: up to 253 bytes, and one dot
// at its end. https://www.rfc-editor.org/rfc/rfc1123#section-2.1; underscores
// are no part of that, but of many names.
func isName(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	// All digits in the last label is a mistyped IPv4 address, never a name.
	last := s[strings.LastIndexByte(s, '.')+1:]
	return strings.Trim(last, "0123456789") != ""
}

// Listener parses an endpoint within this one, by the same Registry.
func (a *Args) Listener(text string) (*Listener, error) {
	return a.registry.parseListener(text, a.depth+1)
}

// Dialer parses an endpoint within this one, by the same Registry.
func (a *Args) Dialer(text string) (*Dialer, error) {
	return a.registry.parseDialer(text, a.depth+1)
}
