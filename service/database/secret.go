package database

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Secret is text that no log, error or printed value shows: the name of a
// data source, which most often has a password in it. To convert it to a string
// is the one way to its text. Immutable after first use.
type Secret string

const redacted = "REDACTED"

// Format prints REDACTED, whatever the verb.
func (s Secret) Format(f fmt.State, verb rune) { fmt.Fprint(f, redacted) }

// String is REDACTED.
func (s Secret) String() string { return redacted }

// LogValue is REDACTED.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText fails: a Secret in what is saved or sent would be a secret no
// more, and REDACTED in its place would be lost.
func (s Secret) MarshalText() ([]byte, error) {
	return nil, errors.New("database: a Secret is not to be written: want a field that is left out")
}

// minPiece is from how many bytes on a part of a password is a secret, too.
const minPiece = 3

// redactor replaces the passwords in the name of a data source, and secrets,
// however they are written, in the text of an error. Nil: there are none.
func redactor(dsn Secret, secrets []Secret) *strings.Replacer {
	var all []string
	add := func(s string) {
		// The text of an error may have it quoted, or escaped for a URL.
		quoted := strconv.Quote(s)
		_, user, _ := strings.Cut(url.UserPassword("", s).String(), ":")
		for _, v := range []string{s, quoted[1 : len(quoted)-1], url.QueryEscape(s), url.PathEscape(s), user} {
			if v != "" && !slices.Contains(all, v) {
				all = append(all, v)
			}
		}
	}
	for _, s := range secrets {
		add(string(s))
	}
	for _, s := range passwords(string(dsn)) {
		add(s)
	}
	if len(all) == 0 {
		return nil
	}
	// A Replacer takes the first that matches: the longest must come first.
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, s := range all {
		pairs = append(pairs, s, redacted)
	}
	return strings.NewReplacer(pairs...)
}

// keyed finds password=..., as libpq, ADO and the queries of URLs have it.
var keyed = regexp.MustCompile(`(?i)[a-z_]*(?:pass|pwd|secret|token|apikey)[a-z_]*\s*=\s*('(?:[^'\\]|\\.)*'?|"[^"]*"?|\{[^}]*\}?|[^\s&;]+)`)

// passwords finds what must be kept secret in the name of a data source: in a
// URL, in MySQL's user:password@net(address)/db, and in key=value pairs. What no
// driver would understand is searched, too: it ends up in an error.
func passwords(dsn string) (all []string) {
	for _, m := range keyed.FindAllStringSubmatch(dsn, -1) {
		all = append(all, variants(m[1])...)
	}
	_, place, isURL := strings.Cut(dsn, "://")
	_, err := url.Parse(dsn)
	switch {
	case isURL && err == nil:
		if i := strings.IndexAny(place, "/?#"); i >= 0 {
			place = place[:i]
		}
	case isURL: // the password may be what is wrong with it: it may have anything in it
	case strings.HasPrefix(dsn, "file:"):
		return all // SQLite knows no passwords
	default:
		place = dsn
		if i := strings.LastIndexByte(place, '/'); i >= 0 {
			place = place[:i]
		}
	}
	at := strings.LastIndexByte(place, '@')
	if at < 0 {
		return all
	}
	_, password, _ := strings.Cut(place[:at], ":")
	all = append(all, variants(password)...)
	if isURL && err != nil {
		// The error may show only the part that is wrong.
		for _, piece := range strings.FieldsFunc(password, func(r rune) bool { return strings.ContainsRune(":/?#[]@%& ", r) }) {
			if len(piece) >= minPiece {
				all = append(all, piece)
			}
		}
	}
	return all
}

// variants are a value as it stands, and what it may stand for.
func variants(v string) []string {
	all := []string{v}
	if n := len(v); n >= 2 && strings.ContainsRune(`'"{`, rune(v[0])) {
		v = strings.TrimRight(v[1:], `'"}`)
		all = append(all, v, strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(v))
	}
	if plain, err := url.QueryUnescape(v); err == nil {
		all = append(all, plain)
	}
	if plain, err := url.PathUnescape(v); err == nil {
		all = append(all, plain)
	}
	return all
}
