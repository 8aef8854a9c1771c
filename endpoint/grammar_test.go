package endpoint

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestE04Split(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []word
	}{
		{"", nil},
		{"a", []word{{text: "a"}}},
		{"a:b", []word{{text: "a"}, {text: "b", at: 2}}},
		{":", []word{{}, {at: 1}}},
		{"k=v", []word{{key: "k", text: "v"}}},
		{"k=v=w", []word{{key: "k", text: "v=w"}}},
		{"=v", []word{{text: "=v"}}},
		{"/a=b", []word{{text: "/a=b"}}},
		{"K=v", []word{{text: "K=v"}}},
		{"client-ca=x", []word{{key: "client-ca", text: "x"}}},
		{`k\=v`, []word{{text: "k=v"}}},
		{`\k=v`, []word{{text: "k=v"}}},
		{`a\:b`, []word{{text: "a:b"}}},
		{`a\\:b`, []word{{text: `a\`}, {text: "b", at: 4}}},
		{"[::1]:80", []word{{text: "[::1]"}, {text: "80", at: 6}}},
		{"host=[::1]:80", []word{{key: "host", text: "[::1]"}, {text: "80", at: 11}}},
		{"[a=b]", []word{{text: "[a=b]"}}},
		{`\[a:b`, []word{{text: "[a"}, {text: "b", at: 4}}},
		{"a]:b", []word{{text: "a]"}, {text: "b", at: 3}}},
	} {
		got, err := split(tt.in)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %+v, %v, want %+v", tt.in, got, err, tt.want)
		}
	}
}

// E06: any path can stand in an endpoint, one with "=" too.
func TestE06Quote(t *testing.T) {
	for _, path := range []string{
		"/run/x", `C:\run\x`, "a=b", "a:b", "[::1]", "[", "]", `\`, `\\`, "mode=600", "ü", "a b", "=", ":",
	} {
		n, err := ParseListener("unix:" + Quote(path))
		if err != nil || n.Config.Address != path {
			t.Errorf("%q: got %+v, error %v", path, n, err)
			continue
		}
		// And as an argument of an argument.
		outer, err := ParseListener("tls:cert=c.pem:endpoint=" + Quote("unix:"+Quote(path)))
		if err != nil || outer.Config.Address != path {
			t.Errorf("%q within tls: got error %v", path, err)
		}
	}
}

func TestE04Nearest(t *testing.T) {
	names := []string{"tcp", "udp", "backlog", "unix", "unixgram"}
	for in, want := range map[string]string{
		"tpc": "tcp", "tcpp": "tcp", "TCP": "tcp", "baklgo": "backlog", "back-log": "backlog",
		"http": "", "x": "", "unixx": "unix", "unxigram": "unixgram", strings.Repeat("tcp", 20): "",
	} {
		if got := nearest(in, names); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}

// FuzzParse: no endpoint makes the parsers panic or say an error without the
// endpoint; whatever is quoted comes back.
func FuzzParse(f *testing.F) {
	for _, s := range slices.Concat(wrongListeners, wrongDialers) {
		f.Add(s)
	}
	for _, s := range []string{
		"tcp:[::1]:80:backlog=5", `unix:C\:\\x:mode=660`, "proxy:from=10.0.0.0/8,[::1]:tls:443:cert=a:key=b",
		`tls:a.example:endpoint=tls\:b.example\:1\:endpoint=unix\\\:x`, "systemd:name=web", "fd:7",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseListener(s)
		check(t, s, err)
		if err == nil && n.String() != s {
			t.Fatalf("got String %q, want %q", n, s)
		}
		d, err := ParseDialer(s)
		check(t, s, err)
		if err == nil && d.String() != s {
			t.Fatalf("got String %q, want %q", d, s)
		}
		words, err := split(Quote(s))
		if s != "" && (err != nil || len(words) != 1 || words[0].key != "" || words[0].text != s) {
			t.Fatalf("got %+v, %v of Quote(%q)", words, err, s)
		}
	})
}

func check(t *testing.T, s string, err error) {
	e, ok := errors.AsType[*Error](err)
	switch {
	case err == nil:
	case !ok:
		t.Fatalf("%q: got error %v, want an *Error", s, err)
	case e.Endpoint != s || len(e.Error()) > 2000:
		t.Fatalf("%q: got error %v of %q", s, err, e.Endpoint)
	}
}
