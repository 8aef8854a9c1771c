package redact

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// What is taken out, and what is not.
func TestT_28Redact(t *testing.T) {
	for _, tc := range []struct{ dsn, text, want string }{
		{"postgres://web:pw1@h/d", "dial web@h: pw1", "dial web@h: REDACTED"},
		{"postgres://web:p%40w@h/d", `p@w p%40w "p@w"`, `REDACTED REDACTED "REDACTED"`},
		{"postgres://web@h/d", "web@h/d", "web@h/d"},
		{"host=h password='it\\'s' user=web", "it's web", "REDACTED web"},
		{"web:p@ss/w@tcp(h:1)/d", "p@ss/w h", "REDACTED h"},
		{"web:pw1@/d", "web pw1", "web REDACTED"},
		{"postgres://web:ab?cde@h/d", `port ":ab" cde`, `port ":ab" REDACTED`}, // two bytes tell little
		{"file:mail@home.db", "mail@home.db", "mail@home.db"},
		{":memory:", "memory", "memory"},
	} {
		got := tc.text
		if r := New(tc.dsn); r != nil {
			got = r.Replace(tc.text)
		}
		if got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.dsn, got, tc.want)
		}
	}
}

// FuzzRedact writes a password into data sources of all kinds, and the data
// source into an error, as it is, quoted and escaped: it must not be seen.
func FuzzRedact(f *testing.F) {
	for _, s := range []string{"Hunter-2", "a b", `q"u'o\te`, "p@ss:w/rd?", "%41", "ü", "x;y=z", "{curly}", "0'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, password string) {
		if len(password) < 2 || strings.Contains(Mark, password) {
			return
		}
		quoted := "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password) + "'"
		for _, dsn := range []string{
			(&url.URL{Scheme: "postgres", User: url.UserPassword("web", password), Host: "h", Path: "/d"}).String(),
			"postgres://h/d?" + url.Values{"password": {password}}.Encode(),
			"host=h password=" + quoted + " dbname=d",
		} {
			const before, after = "\x00<", ">\x00" // no password has that
			if strings.ContainsAny(password, "\x00<>") {
				return
			}
			r := New(dsn)
			for _, shown := range []string{password, fmt.Sprintf("%q", password), url.QueryEscape(password), url.PathEscape(password), dsn} {
				text := r.Replace(before + shown + after)
				for _, way := range []string{password, url.QueryEscape(password), url.PathEscape(password)} {
					if strings.Contains(text, way) && !strings.Contains("postgres://web:"+Mark+"@h/d?password= host dbname=d", way) {
						t.Errorf("%q of %q is seen in %q", way, dsn, text)
					}
				}
			}
		}
		New(password) // a data source like that does no harm
	})
}
