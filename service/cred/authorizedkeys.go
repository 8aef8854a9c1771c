package cred

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strings"
	"time"
)

// An Option is a restriction of a key: its name in lower case, and the value
// without its quotes. Immutable after first use.
type Option struct{ Name, Value string }

// A keyLine is a line of an authorized_keys file.
type keyLine struct {
	number  int
	options []Option
	key     []byte
}

func parseAuthorizedKeys(text string) (all []keyLine, flaws []error) {
	for number, line := range lines(text) {
		k, err := parseKeyLine(strings.TrimSpace(line))
		if err != nil {
			flaws = append(flaws, fmt.Errorf("line %d: %w", number, err))
			continue
		}
		k.number = number
		all = append(all, k)
	}
	return all, flaws
}

// parseKeyLine reads [options] type base64 [comment].
func parseKeyLine(line string) (k keyLine, err error) {
	if len(line) > maxKeyLineBytes {
		return k, fmt.Errorf("%d bytes: want at most %d", len(line), maxKeyLineBytes)
	}
	kind, rest := cutBlank(line)
	if k.key, err = parseKey(kind, rest); err == nil {
		return k, nil
	}
	// What is no key is the options; blanks may be in their quotes.
	if k.options, rest, err = parseOptions(line); err != nil {
		return k, err
	}
	kind, rest = cutBlank(rest)
	k.key, err = parseKey(kind, rest)
	return k, err
}

func cutBlank(s string) (first, rest string) {
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i], strings.TrimLeft(s[i:], " \t")
	}
	return s, ""
}

// parseKey decodes a key, which begins with the name of its type again: "The
// key type is repeated in the key blob".
// https://www.rfc-editor.org/rfc/rfc4253#section-6.6
func parseKey(kind, rest string) ([]byte, error) {
	text, _ := cutBlank(rest)
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) < 4 {
		return nil, errors.New("want a type, and a key in base64")
	}
	n := binary.BigEndian.Uint32(key)
	if kind == "" || uint64(n)+4 > uint64(len(key)) || string(key[4:4+n]) != kind {
		return nil, errors.New("want a key of the type that is named")
	}
	return key, nil
}

// parseOptions reads options up to the first blank outside of quotes.
func parseOptions(line string) (all []Option, rest string, err error) {
	for {
		end := strings.IndexAny(line, "=, \t")
		if end < 0 {
			return nil, "", errors.New("want a key")
		}
		o := Option{Name: strings.ToLower(line[:end])}
		if !isOptionName(o.Name) {
			return nil, "", errors.New("want options, a type and a key")
		}
		if line[end] == '=' {
			if o.Value, line, err = unquote(line[end+1:]); err != nil {
				return nil, "", fmt.Errorf("option %.40q: %w", o.Name, err)
			}
		} else {
			line = line[end:]
		}
		if all = append(all, o); len(all) > maxOptions {
			return nil, "", fmt.Errorf("want at most %d options", maxOptions)
		}
		switch {
		case strings.HasPrefix(line, ","):
			line = line[1:]
		case line != "" && (line[0] == ' ' || line[0] == '\t'):
			return all, strings.TrimLeft(line, " \t"), nil
		default:
			return nil, "", fmt.Errorf("option %.40q: want a comma or a blank after it", o.Name)
		}
	}
}

func isOptionName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// unquote reads a value in quotes; \" is a quote in it.
func unquote(s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", errors.New("want a value in quotes")
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '"':
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", errors.New("want a quote at the end")
}

// matchesPeer says whether patterns, by commas, are for an address: each an
// address, a prefix such as 192.0.2.0/24, or with * and ?; one that begins with
// ! excludes. Names of hosts match nobody: whoever owns an address can give it
// any name.
// https://man.openbsd.org/ssh_config#PATTERNS
func matchesPeer(patterns string, peer netip.Addr) (matched bool) {
	peer = peer.Unmap().WithZone("")
	for p := range strings.SplitSeq(patterns, ",") {
		p, not := strings.CutPrefix(strings.TrimSpace(p), "!")
		if not && !isAddressPattern(p) {
			return false // whom a name excludes cannot be told
		}
		if !peer.IsValid() || !matchesOne(p, peer) {
			continue
		}
		if not {
			return false
		}
		matched = true
	}
	return matched
}

func isAddressPattern(p string) bool {
	return p != "" && strings.Trim(p, "0123456789abcdefABCDEF.:*?/") == ""
}

func matchesOne(p string, peer netip.Addr) bool {
	if prefix, err := netip.ParsePrefix(p); err == nil {
		return prefix.Contains(peer)
	}
	if addr, err := netip.ParseAddr(p); err == nil {
		return addr.Unmap() == peer
	}
	// Neither has a slash, so * is as wide as it should be; [ is for names.
	ok, err := path.Match(strings.ToLower(p), peer.String())
	return ok && err == nil && isAddressPattern(p)
}

// parseExpiry reads YYYYMMDD[HHMM[SS]], local time, or UTC with a Z.
func parseExpiry(text string, local *time.Location) (time.Time, error) {
	digits, utc := strings.CutSuffix(strings.ToUpper(text), "Z")
	if utc {
		local = time.UTC
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(layout) == len(digits) {
			if t, err := time.ParseInLocation(layout, digits, local); err == nil {
				return t, nil
			}
		}
	}
	return time.Time{}, errors.New("expiry-time: want YYYYMMDD[HHMM[SS]][Z]")
}
