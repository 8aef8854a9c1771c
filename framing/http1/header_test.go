package http1_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/framing/http1"
)

// parsed is a header as a Parser fills it in.
func parsed(t *testing.T, fields string) *http1.Request {
	t.Helper()
	var s http1.Parser
	var r http1.Request
	if _, done, err := s.Request([]byte("GET / HTTP/1.0\r\n"+fields+"\r\n"), &r); !done || err != nil {
		t.Fatalf("%q: got %v, %v, want a request", fields, done, err)
	}
	return &r
}

func wantHeader(t *testing.T, what string, h *http1.Header, want string) {
	t.Helper()
	if got := string(h.AppendTo(nil)); got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// V42: names have no case, fields have an order, a name may come again.
func TestV42_Header(t *testing.T) {
	h := &parsed(t, "Vary: Accept\r\nvary: Origin ,, TE\r\nX-Empty:\r\nX-Last: 1\r\n").Header
	if got, want := h.Len(), 4; got != want {
		t.Errorf("got %d fields, want %d", got, want)
	}
	if got := h.Get("VARY"); got != "Accept" {
		t.Errorf("got %q, want the first", got)
	}
	if got, want := h.Values("vary"), []string{"Accept", "Origin ,, TE"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if h.Values("x-none") != nil || h.Value("x-none") != nil || h.Has("x-none") || h.Get("x-none") != "" {
		t.Error("found a field that is not there")
	}
	if v := h.Value("x-empty"); v == nil || len(v) != 0 || !h.Has("X-EMPTY") {
		t.Errorf("got %v, want an empty value that is there", v)
	}
	for token, want := range map[string]bool{"accept": true, "ORIGIN": true, "te": true, "t": false, "origin ": false} {
		if got := h.HasToken("Vary", token); got != want {
			t.Errorf("token %q: got %v, want %v", token, got, want)
		}
	}
	name, value := h.At(1)
	if string(name) != "vary" || string(value) != "Origin ,, TE" {
		t.Errorf("got %q: %q", name, value)
	}
	for range h.All() {
		break // yields no more to who has enough
	}
	wantHeader(t, "as parsed", h, "Vary: Accept\r\nvary: Origin ,, TE\r\nX-Empty: \r\nX-Last: 1\r\n")
	h.Set("VARY", " * ")
	wantHeader(t, "after Set", h, "Vary: *\r\nX-Empty: \r\nX-Last: 1\r\n")
	h.AddBytes([]byte("X-New"), []byte("\t2"))
	h.Del("x-EMPTY")
	h.Set("X-Newer", "3")
	wantHeader(t, "after changes", h, "Vary: *\r\nX-Last: 1\r\nX-New: 2\r\nX-Newer: 3\r\n")
	h.Reset()
	wantHeader(t, "after Reset", h, "")
}

// A Header that is changed is as a list of pairs that is changed.
func TestHeaderAgainstList(t *testing.T) {
	type pair struct{ name, value string }
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		h := &parsed(t, "A: 1\r\nb: 2\r\na: 3\r\n").Header
		list := []pair{{"A", "1"}, {"b", "2"}, {"a", "3"}}
		for range 300 {
			name := string(rune("abcABC"[r.IntN(6)]))
			value := strings.Repeat("x", r.IntN(60))
			same := func(p pair) bool { return strings.EqualFold(p.name, name) }
			switch r.IntN(4) {
			case 0:
				h.Add(name, value)
				list = append(list, pair{name, value})
			case 1:
				h.Del(name)
				list = slices.DeleteFunc(list, same)
			case 2:
				h.Set(name, value)
				if i := slices.IndexFunc(list, same); i < 0 {
					list = append(list, pair{name, value})
				} else {
					list[i].value = value
					list = append(list[:i+1], slices.DeleteFunc(list[i+1:], same)...)
				}
			case 3:
				var o http1.Header
				o.Add("old", "gone")
				o.CopyFrom(h)
				h.Reset()
				h.Add("other", "gone")
				h = &o
			}
			want := ""
			for _, p := range list {
				want += p.name + ": " + p.value + "\r\n"
			}
			if got := string(h.AppendTo(nil)); got != want {
				t.Fatalf("seed %d: got %q, want %q", seed, got, want)
			}
		}
	}
}

// What cannot be sent is refused, and changes nothing: T-15.
func TestT_15_FieldErrors(t *testing.T) {
	for _, tc := range []struct{ name, value string }{
		{"", "x"}, {"a b", "x"}, {"a:", "x"}, {"a\r\nb", "x"}, {"\x80", "x"},
		{"X", "a\rb"}, {"X", "a\nb"}, {"X", "a\x00b"}, {"X", "a\x7f"}, {"X", "\x0b"}, {"X", "\r\n"},
	} {
		h := &parsed(t, "X: 1\r\n").Header
		for what, err := range map[string]error{
			"Add": h.Add(tc.name, tc.value), "Set": h.Set(tc.name, tc.value), "AddBytes": h.AddBytes([]byte(tc.name), []byte(tc.value)),
		} {
			if field, ok := errors.AsType[*http1.FieldError](err); !ok || field.Name != tc.name {
				t.Errorf("%s(%q, %q): got %v, want a FieldError", what, tc.name, tc.value, err)
			}
		}
		if _, err := http1.AppendField(nil, tc.name, tc.value); err == nil {
			t.Errorf("AppendField(%q, %q): want an error", tc.name, tc.value)
		}
		wantHeader(t, "after refusals", h, "X: 1\r\n")
	}
	err := new(http1.Header).Add(strings.Repeat("é", 100), "")
	if len(err.Error()) > 400 {
		t.Errorf("the error has %d bytes, want the beginning of the name only", len(err.Error()))
	}
}

// A Header holds 1 MiB and then refuses; and does not grow by changes that
// leave it as large as it was.
func TestHeaderIsBounded(t *testing.T) {
	var h http1.Header
	large := strings.Repeat("x", 1<<20-1)
	if err := h.Add("X", large); err != nil {
		t.Errorf("1 MiB: got %v, want it taken", err)
	}
	if err := h.Add("Y", ""); err == nil || err.Error() != `http1: field "Y": want a header of 1 MiB at most` {
		t.Errorf("beyond 1 MiB: got %v, want an error", err)
	}
	if err := h.Set("X", "y"); err == nil || err.Error() != `http1: field "X": want a header of 1 MiB at most` {
		t.Errorf("a change beyond 1 MiB: got %v, want an error", err)
	}
	wantHeader(t, "after refusals", &h, "X: "+large+"\r\n")
	h.Reset()
	h.Add("Before", "1")
	h.Add("X", "")
	h.Add("After", "2")
	for i := range 100_000 {
		if err := h.Set("X", fmt.Sprintf("%0100d", i)); err != nil {
			t.Fatalf("change %d: %v", i, err)
		}
	}
	wantHeader(t, "after changes", &h, fmt.Sprintf("Before: 1\r\nX: %0100d\r\nAfter: 2\r\n", 99_999))
}

// Keep copies all that is borrowed, and nothing else: what somebody else has put
// there stays.
func TestKeep(t *testing.T) {
	head := []byte("GET http://example.com/a?b HTTP/1.1\r\nHost: other\r\nX: y\r\n\r\n")
	in := bytes.Clone(head)
	var s http1.Parser
	var r http1.Request
	s.Request(in, &r)
	r.Keep()
	r.Keep()
	for i := range in {
		in[i] = '#'
	}
	if string(r.Target) != "http://example.com/a?b" || string(r.Host) != "example.com" {
		t.Errorf("got %q of %q", r.Target, r.Host)
	}
	wantHeader(t, "kept", &r.Header, "Host: other\r\nX: y\r\n")

	s.Request(head, &r)
	r.Target = []byte("/elsewhere")
	r.Keep()
	if string(r.Target) != "/elsewhere" || string(r.Host) != "example.com" {
		t.Errorf("got %q of %q, want the target that was put there", r.Target, r.Host)
	}
	s.Request([]byte("POST / HTTP/1.1\r\nHost: a\r\nConnection: close, upgrade\r\nUpgrade: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"), &r)
	if !r.Close || !r.Upgrade || !r.Expect {
		t.Errorf("got %+v, want all that Reset resets", r)
	}
	r.Reset()
	if r.Method != "" || r.Target != nil || r.Host != nil || r.Header.Len() != 0 || r.Minor != 0 || r.Framing != http1.NoBody ||
		r.Length != 0 || r.Close || r.Upgrade || r.Expect {
		t.Errorf("after Reset: got %+v", r)
	}

	in = []byte("HTTP/1.1 404 Not Here\r\nContent-Length: 0\r\n\r\n")
	var a http1.Response
	s.Response(in, "GET", &a)
	a.Keep()
	clear(in)
	if string(a.Reason) != "Not Here" {
		t.Errorf("got %q", a.Reason)
	}
	wantHeader(t, "kept", &a.Header, "Content-Length: 0\r\n")
	a.Reset()
	if a.Status != 0 || a.Reason != nil || a.Header.Len() != 0 || a.Minor != 0 || a.Framing != http1.NoBody || a.Length != 0 || a.Close || a.Upgrade {
		t.Errorf("after Reset: got %+v", a)
	}
}

// A changed Header has let go of the parser's input.
func TestChangeCopies(t *testing.T) {
	for name, change := range map[string]func(h *http1.Header){
		"Add": func(h *http1.Header) { h.Add("Y", "2") },
		"Set": func(h *http1.Header) { h.Set("Y", "2") },
		"CopyFrom itself": func(h *http1.Header) {
			h.CopyFrom(h)
			h.Add("Y", "2")
		},
		"CopyFrom": func(h *http1.Header) {
			var o http1.Header
			o.CopyFrom(h)
			o.Add("Y", "2")
			h.CopyFrom(&o)
		},
	} {
		in := []byte("GET / HTTP/1.0\r\nX: 1\r\n\r\n")
		var s http1.Parser
		var r http1.Request
		s.Request(in, &r)
		change(&r.Header)
		clear(in)
		wantHeader(t, name, &r.Header, "X: 1\r\nY: 2\r\n")
	}
}

// After an error or half a head a Request is safe to look at.
func TestHeaderAfterError(t *testing.T) {
	var s http1.Parser
	var r http1.Request
	s.Request([]byte("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"), &r)
	for _, in := range []string{"GET / HTTP/1.1\r\nHost: a\r\nLonger: than before\r\nbad", "\r\n: bad\r\n", "GET / HTTP/1.1\r\nA: b\r\n\r\n"} {
		s.Request([]byte(in), &r)
		for i := range r.Header.Len() {
			r.Header.At(i)
		}
		r.Header.AppendTo(nil)
		r.Keep()
	}
}
