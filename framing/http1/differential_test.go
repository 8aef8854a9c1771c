package http1_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/framing/http1/http1test"
)

// A reading is the first message of a stream as somebody understands it.
type reading struct {
	err  error // why it was refused; io.ErrUnexpectedEOF: it is not whole
	used int   // bytes of the stream that it took

	line   string // method, target, host; or status and reason
	minor  int
	fields http.Header // but for those that net/http takes out
	length int64
	close  bool
	body   string
	after  http.Header // the trailer section
}

// ours is how this package reads the first message.
func ours(p []byte, response bool, method string) (m reading) {
	var s http1.Parser
	var r http1.Request
	var a http1.Response
	var b http1.BodyReader
	var n int
	var done bool
	h := &r.Header
	if response {
		n, done, m.err = s.Response(p, method, &a)
		h = &a.Header
	} else {
		n, done, m.err = s.Request(p, &r)
	}
	if !done {
		if m.err == nil {
			m.err = io.ErrUnexpectedEOF
		}
		return m
	}
	if response {
		m.line, m.minor, m.length, m.close = fmt.Sprintf("%d %s", a.Status, a.Reason), a.Minor, a.Length, a.Close
		b.Start(a.Framing, a.Length, nil)
	} else {
		m.line, m.minor, m.length, m.close = fmt.Sprintf("%s %s %s", r.Method, r.Target, r.Host), r.Minor, r.Length, r.Close
		b.Start(r.Framing, r.Length, nil)
	}
	m.fields = fieldsOf(h)
	m.used = n
	for {
		var data []byte
		data, n, done, m.err = b.Next(p[m.used:])
		m.used += n
		m.body += string(data)
		if done || m.err != nil {
			break
		}
		if m.used == len(p) {
			m.err = b.Closed()
			break
		}
	}
	m.after = fieldsOf(b.Trailer())
	return m
}

// fieldsOf is a header as net/http has it.
func fieldsOf(h *http1.Header) http.Header {
	fields := http.Header{}
	if h != nil {
		for name, value := range h.All() {
			fields.Add(name, value)
		}
	}
	return fields
}

// theirs is how net/http reads the first message.
func theirs(p []byte, response bool, method string) (m reading) {
	b := bufio.NewReader(bytes.NewReader(p))
	var body io.ReadCloser
	var trailer *http.Header
	if response {
		a, err := http.ReadResponse(b, &http.Request{Method: method})
		if m.err = err; err != nil {
			return m
		}
		m.line, m.minor, m.length, m.close = fmt.Sprintf("%d %s", a.StatusCode, strings.TrimPrefix(a.Status[3:], " ")), a.ProtoMinor, a.ContentLength, a.Close
		m.fields, body, trailer = a.Header, a.Body, &a.Trailer
		if a.ProtoMajor != 1 {
			m.line += fmt.Sprint(" of version ", a.ProtoMajor)
		}
	} else {
		r, err := http.ReadRequest(b)
		if m.err = err; err != nil {
			return m
		}
		m.line, m.minor, m.length, m.close = fmt.Sprintf("%s %s %s", r.Method, r.RequestURI, r.Host), r.ProtoMinor, r.ContentLength, r.Close
		m.fields, body, trailer = r.Header, r.Body, &r.Trailer
		if r.ProtoMajor != 1 {
			m.line += fmt.Sprint(" of version ", r.ProtoMajor)
		}
	}
	data, err := io.ReadAll(body)
	m.err = err
	m.body = string(data)
	m.after = *trailer
	rest, _ := io.ReadAll(b)
	m.used = len(p) - len(rest)
	return m
}

// A difference is what this package refuses and net/http takes: for which
// reason of ours, in which streams (nil: any), and why.
type difference struct {
	ours string
	only *regexp.Regexp
	why  string
}

var stricter = []difference{
	{"request line: want a method, a space, a target, a space, HTTP/1.1", regexp.MustCompile(`^(\r\n)?CONNECT  HTTP/`),
		"they take CONNECT without a target"},
	{"line ends with LF: want CRLF", regexp.MustCompile(`(^|[^\r])\n`),
		"they take LF for a line end, which RFC 9112, 2.2 allows and T-12 forbids: a proxy before us may not"},
	{"line begins with white space: want a field name", regexp.MustCompile(`\n[ \t]`),
		"they join folded lines, which RFC 9112, 5.2 lets a server refuse: H1-04"},
	{"field name: want letters, digits and !#$%&'*+-.^_`|~, then a colon", regexp.MustCompile(`\n[^:\r\n]+ [^:\r\n]*:|\n[^:\r\n]+ :`),
		"they take names with spaces as they are: H1-02, H1-03"},
	{"no Host field: HTTP/1.1 wants one", nil,
		"their server checks it after ReadRequest"},
	{"Host: want a name or an address, with or without a port", nil,
		"their server checks it after ReadRequest, and takes all that RFC 3986 does: ValidHost says why not"},
	{"several Content-Length fields: want one", nil,
		"they take those that are the same, which RFC 9110, 8.6 allows: T-01"},
	{"Transfer-Encoding and Content-Length: want one of them", nil,
		"they drop the length, which RFC 9112, 6.3 allows: T-02"},
	{"Transfer-Encoding in HTTP/1.0: want Content-Length", nil,
		"they ignore it, which RFC 9112, 6.1 forbids: H1-06"},
	{"version: want HTTP/1.1 or HTTP/1.0", regexp.MustCompile(`HTTP/[02-9]\.\d[ \r]`),
		"their server refuses other versions after ReadRequest"},
	{"Expect: want 100-continue", nil,
		"their server checks it after ReadRequest"},
	{"chunk extension: want no control, no backslash, ASCII only", nil,
		"they skip extensions unseen but for CR: T-05"},
	{"chunk size: want hexadecimal digits, then CRLF or an extension", nil,
		"they take white space after the size, which RFC 9112, 7.1.1 allows and H1-07 forbids"},
	{"trailer section has a field that belongs in the head", nil,
		"they keep apart all but three, and leave it to who reads: H1-09"},
	{"target: want a path, a URI with a host, host:port for CONNECT, or * for OPTIONS", nil,
		"they take what package url can parse: fragments, quotes, 8 bits, user information, no host, CONNECT without a port"},
	{"first line too large: want 8192 bytes at most", nil,
		"their server limits the head as a whole"},
	{"field line too large: want 8192 bytes at most", nil,
		"their server limits the head as a whole"},
	{"header section too large: want 16384 bytes at most", nil,
		"their server limits the head to 1 MiB"},
	{"too many fields: want 100 at most", nil,
		"they have no such limit"},
	{"chunk line too large: want 1024 bytes at most", nil,
		"they allow 4,096 bytes"},
	{"trailer section too large: want 65536 bytes at most", nil,
		"their buffer is the limit"},
	{"chunk extensions of a body too large: want 16384 bytes at most", nil,
		"they count all framing against the data"},
	{"status line: want HTTP/1.1, a space, three digits, a space, a reason", regexp.MustCompile(`^HTTP/\d\.\d +[-+\d]\d\d\r\n|^HTTP/\d\.\d  `),
		"they take a status line without the second space"},
	{"status: want a number from 100 to 999", nil,
		"they take 000 to 099, and signs"},
	{"reason: want no CR, NUL or other control", nil,
		"they do not look at it"},
	{"1xx or 204 that announces a body: want none", nil,
		"they ignore the length: RFC 9112, 6.3"},
	{"first line begins with a byte that none begins with", regexp.MustCompile(`^[ \t]`),
		"they read a status line that begins with white space"},
}

// What net/http refuses and this package takes, by a part of its error.
var looser = map[string]string{
	"bad trailer key":             "the Trailer field announces only; fields that do not belong are refused where they are sent",
	"too much non-data":           "they count all framing against the data; we limit each chunk line, and extensions",
	"suspiciously long trailer":   "their buffer is the limit, and depends on how the bytes come",
	"malformed HTTP request \"\"": "they do not skip an empty line before a request: RFC 9112, 2.2",
}

// compare reads p both ways, and says what is different and not in the tables.
func compare(p []byte, response bool, method string) error {
	we, they := ours(p, response, method), theirs(p, response, method)
	var refusal *http1.Error
	switch {
	case errors.As(we.err, &refusal) && they.err == nil:
		for _, d := range stricter {
			if d.ours == refusal.Reason && (d.only == nil || d.only.Match(p)) {
				return nil
			}
		}
		return fmt.Errorf("we refuse (%s), they read %+v", refusal.Reason, they)
	case we.err == io.ErrUnexpectedEOF && they.err == nil:
		return fmt.Errorf("we wait, they read %+v", they)
	case we.err != nil:
		return nil // and they have an error too
	case they.err != nil:
		for part := range looser {
			if strings.Contains(they.err.Error(), part) {
				return nil
			}
		}
		return fmt.Errorf("they refuse (%v), we read %+v", they.err, we)
	}
	normalize(&we)
	normalize(&they)
	if got, want := fmt.Sprintf("%+v", we), fmt.Sprintf("%+v", they); got != want {
		return fmt.Errorf("we read\n%s, they read\n%s", got, want)
	}
	return nil
}

// normalize takes out what is told in two ways.
func normalize(m *reading) {
	m.minor = min(m.minor, 1)
	if m.body == "" && m.length != 0 {
		m.length = 0 // of HEAD and 304 they tell the length, of 1xx and 204 -1
	}
	for _, name := range []string{"Host", "Transfer-Encoding", "Trailer"} {
		m.fields.Del(name) // they take them out of the header
	}
	if _, ok := m.fields["Cache-Control"]; !ok && slices.Equal(m.fields["Pragma"], []string{"no-cache"}) {
		m.fields.Set("Cache-Control", "no-cache")
	}
	maps.DeleteFunc(m.after, func(_ string, values []string) bool { return len(values) == 0 }) // announced only
	if len(m.after) == 0 {
		m.after = nil
	}
}

// The corpus, and what fuzzing found, is read as net/http reads it, or the tables
// say why not.
func TestDifferencesAreKnown(t *testing.T) {
	for _, c := range http1test.Corpus() {
		if c.Method == "CONNECT" {
			continue // their transport knows it, ReadResponse does not
		}
		if err := compare(c.Bytes, c.Response, c.Method); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}

// invariant reads p in several ways of delivery, and wants the same of all.
func invariant(t *testing.T, p *player, whole []byte, seed uint64) {
	t.Helper()
	once := played(p, whole, atOnce)
	for name, sizes := range map[string]func(int) int{"byte by byte": byteByByte, "at random": atRandom(seed, 20), "in two": cutAt(int(seed) % (len(whole) + 1))} {
		if got := played(p, whole, sizes); got.log.String() != once.log.String() {
			t.Errorf("%s: got\n%swant as at once\n%s", name, got.log.String(), once.log.String())
		}
	}
}

func seeds(f *testing.F, response bool, after string) {
	for _, c := range http1test.Corpus() {
		if c.Response == response && len(c.Bytes) < 1000 {
			if _, rest, ok := bytes.Cut(c.Bytes, []byte(after)); ok {
				f.Add(rest, uint64(len(c.Bytes)/2))
			}
		}
	}
}

func FuzzRequest(f *testing.F) {
	seeds(f, false, "")
	f.Fuzz(func(t *testing.T, p []byte, seed uint64) {
		invariant(t, &player{}, p, seed)
		if err := compare(p, false, ""); err != nil {
			t.Error(err)
		}
	})
}

func FuzzResponse(f *testing.F) {
	seeds(f, true, "")
	f.Fuzz(func(t *testing.T, p []byte, seed uint64) {
		method := []string{"GET", "HEAD", "CONNECT"}[seed%3]
		invariant(t, &player{response: true, method: method}, p, seed)
		if method == "CONNECT" {
			return // their transport knows it, ReadResponse does not
		}
		if err := compare(p, true, method); err != nil {
			t.Error(err)
		}
	})
}

func FuzzChunked(f *testing.F) {
	seeds(f, false, "chunked\r\n\r\n")
	f.Fuzz(func(t *testing.T, p []byte, seed uint64) {
		p = append([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), p...)
		invariant(t, &player{}, p, seed)
		if err := compare(p, false, ""); err != nil {
			t.Error(err)
		}
	})
}

func FuzzTrailers(f *testing.F) {
	seeds(f, false, "\r\n0\r\n")
	f.Fuzz(func(t *testing.T, p []byte, seed uint64) {
		p = append([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"), p...)
		invariant(t, &player{}, p, seed)
		if err := compare(p, false, ""); err != nil {
			t.Error(err)
		}
	})
}
