// Package redact keeps passwords out of texts: it finds them in the name of a
// data source, and replaces them wherever a text has them, in whatever way they
// are written.
//
// It is for package database, whose drivers put into their errors what they
// like. What it takes for a password is what stands where one may stand in a
// URL, in MySQL's user:password@net(address)/db, or after a key such as
// password=; what no driver would understand is searched, too, as it ends up in
// an error. Rather a word too many is replaced than one too few.
//
// Limits: none of its own; it costs a few microseconds for each text.
package redact

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Mark stands where something was taken out.
const Mark = "REDACTED"

// minPiece is from how many bytes on a part of a password is a secret, too.
const minPiece = 3

// New returns what replaces the passwords in the name of a data source, and
// secrets, however they are written, in the text of an error. Nil: there are
// none. It is safe for concurrent use.
func New(dsn string, secrets ...string) *strings.Replacer {
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
		add(s)
	}
	for _, s := range passwords(dsn) {
		add(s)
	}
	if len(all) == 0 {
		return nil
	}
	// A Replacer takes the first that matches: the longest must come first.
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, s := range all {
		pairs = append(pairs, s, Mark)
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
	if v == "" {
		return nil
	}
	all := []string{v}
	if i := strings.IndexByte(`'"{`, v[0]); i >= 0 {
		v = strings.TrimSuffix(v[1:], `'"}`[i:i+1])
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
