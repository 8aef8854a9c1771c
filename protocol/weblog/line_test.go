package weblog

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// common begins most lines of these tests.
const common = `127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] `

var october = time.Date(2000, 10, 10, 20, 55, 36, 0, time.UTC)

func TestParse(t *testing.T) {
	get := Hit{Host: "127.0.0.1", Ident: "-", User: "-", Time: october,
		Method: "GET", Path: "/a?b=c", Protocol: "HTTP/1.1", Status: 200, Bytes: 612}
	with := func(change func(*Hit)) Hit {
		h := get
		change(&h)
		return h
	}
	for _, tc := range []struct {
		name, line string
		want       Hit
	}{
		{"common", common + `"GET /a?b=c HTTP/1.1" 200 612`, get},
		{"combined, nothing given", common + `"GET /a?b=c HTTP/1.1" 200 612 "-" "-"`, get},
		{"combined", common + `"GET /a?b=c HTTP/1.1" 200 612 "http://x.test/" "curl/7.88"`,
			with(func(h *Hit) { h.Referrer, h.Agent = "http://x.test/", "curl/7.88" })},
		{"nginx main: a field more", common + `"GET /a?b=c HTTP/1.1" 200 612 "-" "curl/7.88" "10.0.0.7, 10.0.0.8"`,
			with(func(h *Hit) { h.Agent = "curl/7.88" })},
		{"Apache vhost_combined", `www.test:443 ` + common + `"GET /a?b=c HTTP/1.1" 200 612 "-" "-"`, get},
		{"vhost is an IPv6 address", `[::1]:80 ` + common + `"GET /a?b=c HTTP/1.1" 200 612`, get},
		{"carriage return", common + `"GET /a?b=c HTTP/1.1" 200 612` + "\r", get},
		{"IPv6", strings.Replace(common, "127.0.0.1", "2001:db8::80", 1) + `"GET /a?b=c HTTP/1.1" 200 612`,
			with(func(h *Hit) { h.Host = "2001:db8::80" })},
		{"IPv6, user with spaces", `2001:db8::80 - a b c [10/Oct/2000:13:55:36 -0700] "GET /a?b=c HTTP/1.1" 200 612`,
			with(func(h *Hit) { h.Host, h.User = "2001:db8::80", "a b c" })},
		{"a name", `cache.isp.test id frank [10/Oct/2000:13:55:36 -0700] "GET /a?b=c HTTP/1.1" 200 612`,
			with(func(h *Hit) { h.Host, h.Ident, h.User = "cache.isp.test", "id", "frank" })},
		{"user looks like a time", `127.0.0.1 - x [10/Oct/1999:00:00:00 +0000] [10/Oct/2000:13:55:36 -0700] "GET /a?b=c HTTP/1.1" 200 612`,
			with(func(h *Hit) { h.User = "x [10/Oct/1999:00:00:00 +0000]" })},
		{"user tries to be the rest", `127.0.0.1 - x [10/Oct/1999:00:00:00 +0000] \x22GET /no HTTP/1.1\x22 200 1 [10/Oct/2000:13:55:36 -0700] "GET /a?b=c HTTP/1.1" 200 612`,
			with(func(h *Hit) { h.User = `x [10/Oct/1999:00:00:00 +0000] "GET /no HTTP/1.1" 200 1` })},
		{"no bytes", common + `"GET /a?b=c HTTP/1.1" 304 -`, with(func(h *Hit) { h.Status, h.Bytes = 304, 0 })},
		{"no status", common + `"GET /a?b=c HTTP/1.1" - -`, with(func(h *Hit) { h.Status, h.Bytes = 0, 0 })},
		{"terabytes", common + `"GET /a?b=c HTTP/1.1" 200 123456789012345678`,
			with(func(h *Hit) { h.Bytes = 123456789012345678 })},
		{"nginx escapes", common + `"GET /\xC3\xA9\x22\x5C HTTP/1.1" 200 612`,
			with(func(h *Hit) { h.Path = `/é"\` })},
		{"Apache escapes", common + `"GET /\xc3\xa9\"\\\t\n\r\b\v HTTP/1.1" 200 612`,
			with(func(h *Hit) { h.Path = "/é\"\\\t\n\r\b\v" })},
		{"no escapes at all", common + `"GET /\y\x4\xGG\ HTTP/1.1" 200 612`,
			with(func(h *Hit) { h.Path = `/\y\x4\xGG\` })},
		{"path with spaces", common + `"GET /a b  c HTTP/1.1" 200 612`, with(func(h *Hit) { h.Path = "/a b  c" })},
		{"bare quotes in the agent", common + `"GET /a?b=c HTTP/1.1" 200 612 "-" "Mozilla "five" of 9"`,
			with(func(h *Hit) { h.Agent = `Mozilla "five` })},
		{"TLS sent to a plain port", common + `"\x16\x03\x01\x02" 400 157 "-" "-"`,
			with(func(h *Hit) {
				h.Method, h.Path, h.Protocol, h.Status, h.Bytes = "", "\x16\x03\x01\x02", "", 400, 157
			})},
		{"HTTP/0.9", common + `"GET /" 200 612`, with(func(h *Hit) { h.Method, h.Path, h.Protocol = "", "GET /", "" })},
		{"no request", common + `"" 400 0`,
			with(func(h *Hit) { h.Method, h.Path, h.Protocol, h.Status, h.Bytes = "", "", "", 400, 0 })},
		{"timeout before the request", common + `"-" 408 -`,
			with(func(h *Hit) { h.Method, h.Path, h.Protocol, h.Status, h.Bytes = "", "", "", 408, 0 })},
		{"HTTP/2", common + `"GET /a?b=c HTTP/2.0" 200 612`, with(func(h *Hit) { h.Protocol = "HTTP/2.0" })},
		{"cut in the agent", common + `"GET /a?b=c HTTP/1.1" 200 612 "-" "curl/7`, with(func(h *Hit) { h.Agent = "curl/7" })},
		{"cut in the referrer", common + `"GET /a?b=c HTTP/1.1" 200 612 "http://x`, with(func(h *Hit) { h.Referrer = "http://x" })},
		{"zone of half an hour", `127.0.0.1 - - [11/Oct/2000:02:25:36 +0530] "GET /a?b=c HTTP/1.1" 200 612`, get},
		{"leap second", `127.0.0.1 - - [31/Dec/2016:23:59:60 +0000] "GET /a?b=c HTTP/1.1" 200 612`,
			with(func(h *Hit) { h.Time = time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC) })},
		{"leap day", `127.0.0.1 - - [29/Feb/2024:00:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 612`,
			with(func(h *Hit) { h.Time = time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC) })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var r Record
			if err := r.Parse([]byte(tc.line)); err != nil {
				t.Fatal(err)
			}
			if got := r.Hit(); got != tc.want {
				t.Errorf("got  %+v\nwant %+v", got, tc.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct{ name, line, want string }{
		{"nothing", ``, "[day/month"},
		{"another log", `2026/11/22 10:00:00 [error] 7#7: *1 open() failed`, "[day/month"},
		{"unknown month", strings.Replace(common, "Oct", "Okt", 1) + `"GET / HTTP/1.1" 200 612`, "[day/month"},
		{"31st of a shorter month", strings.Replace(common, "10/Oct", "31/Jun", 1) + `"GET / HTTP/1.1" 200 612`, "[day/month"},
		{"day zero", strings.Replace(common, "10/Oct", "00/Oct", 1) + `"GET / HTTP/1.1" 200 612`, "[day/month"},
		{"25 o'clock", strings.Replace(common, ":13:", ":25:", 1) + `"GET / HTTP/1.1" 200 612`, "[day/month"},
		{"a year that RFC 3339 cannot write", strings.Replace(common, "10/Oct/2000:13", "31/Dec/9999:23", 1) + `"GET / HTTP/1.1" 200 612`, "[day/month"},
		{"no user", `127.0.0.1 - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 612`, "host, ident and user"},
		{"cut in the request", common + `"GET / HT`, "quote after the request"},
		{"cut after the request", common + `"GET / HTTP/1.1"`, "status"},
		{"cut in the bytes", common + `"GET / HTTP/1.1" 200 `, "bytes"},
		{"status is no number", common + `"GET / HTTP/1.1" 2x0 612`, "status"},
		{"negative bytes", common + `"GET / HTTP/1.1" 200 -12`, "bytes"},
		{"too many bytes", common + `"GET / HTTP/1.1" 200 1234567890123456789`, "bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := new(Record).Parse([]byte(tc.line))
			bad, ok := errors.AsType[*SyntaxError](err)
			if !ok || !strings.Contains(bad.Want, tc.want) {
				t.Errorf("got %v, want a SyntaxError that wants %q", err, tc.want)
			}
		})
	}
}

func TestSyntaxErrorIsShort(t *testing.T) {
	err := new(Record).Parse([]byte(strings.Repeat("\x00", 1<<16)))
	if got := len(err.Error()); got > 1000 {
		t.Errorf("got %d bytes of error, want at most 1000", got)
	}
}

// TestParseTimeAsStd compares with time.Parse over many days and zones.
func TestParseTimeAsStd(t *testing.T) {
	at := time.Date(1969, 12, 30, 1, 2, 3, 0, time.UTC)
	for i := range 30_000 {
		zone := time.FixedZone("", ((i*37)%(28*60)-14*60)*60)
		line := at.In(zone).Format(timeLayout)
		want, err := time.Parse(timeLayout, line)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := parseTime([]byte(line)); !ok || !got.Equal(want) {
			t.Fatalf("parseTime(%q): got %v %v, want %v", line, got, ok, want)
		}
		at = at.Add(28*time.Hour + time.Second)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(common + `"GET /a?b=c HTTP/1.1" 200 612 "-" "curl/7.88"`))
	f.Add([]byte(common + `"\x16\x03" 400 - "a\"b" "\\"`))
	f.Add([]byte(` [10/Oct/2000:13:55:36 -0700] "`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var r Record
		before := string(line)
		err := r.Parse(line)
		if string(line) != before {
			t.Fatal("Parse changed the line")
		}
		if _, ok := errors.AsType[*SyntaxError](err); err != nil && !ok {
			t.Fatalf("got %v, want a SyntaxError", err)
		}
		if err != nil {
			return
		}
		if len(r.Host) == 0 || r.Status < 0 || r.Status > 999 || r.Bytes < 0 || r.Time.Location() != time.UTC {
			t.Errorf("got %+v from %q", r, line)
		}
		// A line that was understood is understood again without its end.
		if err := r.Parse(append(line[:len(line):len(line)], ` "more"`...)); err != nil && !strings.HasSuffix(before, "\r") {
			t.Errorf("with another field: %v", err)
		}
	})
}
