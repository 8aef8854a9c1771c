package weblog

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"
	"unicode/utf8"
)

const sampleLine = `127.0.0.1 - - [22/Nov/2026:10:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 612 "-" "curl/7.88"`

func TestAppendHit(t *testing.T) {
	for _, tc := range []struct{ name, line, want string }{
		{"the element of the documentation", sampleLine,
			`<hit host="127.0.0.1" ident="-" user="-" time="2026-11-22T10:00:00Z" method="GET" path="/a?b=c"` +
				` protocol="HTTP/1.1" status="200" bytes="612" referrer="" agent="curl/7.88"/>` + "\n"},
		{"markup in every text", `<b> a&b "'" [22/Nov/2026:10:00:00 +0000] "<![CDATA[ /\"> HTTP/1.1" 99 - "]]>" "&amp;"`,
			`<hit host="&lt;b&gt;" ident="a&amp;b" user="&quot;'&quot;" time="2026-11-22T10:00:00Z" method="&lt;![CDATA["` +
				` path="/&quot;&gt;" protocol="HTTP/1.1" status="099" bytes="0" referrer="]]&gt;" agent="&amp;amp;"/>` + "\n"},
		{"what a parser would make spaces of", common + `"GET /\t\n\r HTTP/1.1" 200 0`,
			`<hit host="127.0.0.1" ident="-" user="-" time="2000-10-10T20:55:36Z" method="GET" path="/&#9;&#10;&#13;"` +
				` protocol="HTTP/1.1" status="200" bytes="0" referrer="" agent=""/>` + "\n"},
		{"no XML at all", common + `"\x00\x1F\x7F\xC3\xA9\xFF\xEF\xBF\xBE\xED\xA0\x80" 400 0`,
			`<hit host="127.0.0.1" ident="-" user="-" time="2000-10-10T20:55:36Z" method=""` +
				` path="\x00\x1F` + "\x7fé" + `\xFF\xEF\xBF\xBE\xED\xA0\x80"` +
				` protocol="" status="400" bytes="0" referrer="" agent=""/>` + "\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var r Record
			if err := r.Parse([]byte(tc.line)); err != nil {
				t.Fatal(err)
			}
			if got := string(new(Encoder).AppendHit(nil, &r)); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// decode reads one element as any XML parser would.
func decode(t *testing.T, element []byte) Hit {
	t.Helper()
	var h Hit
	d := xml.NewDecoder(bytes.NewReader(element))
	if err := d.Decode(&h); err != nil {
		t.Fatalf("%q: %v", element, err)
	}
	return h
}

// readable is what the stream makes of s: what XML cannot carry as \xHH.
func readable(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		carried := r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xFFFD || r >= 0x10000
		if r == utf8.RuneError && n == 1 || !carried {
			for _, c := range []byte(s[i : i+n]) {
				b.WriteString(`\x` + strings.ToUpper(string("0123456789abcdef"[c>>4])+string("0123456789abcdef"[c&15])))
			}
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// carried is what a client sees of h.
func carried(h Hit) Hit {
	for _, s := range []*string{&h.Host, &h.Ident, &h.User, &h.Method, &h.Path, &h.Protocol, &h.Referrer, &h.Agent} {
		*s = readable(*s)
	}
	return h
}

func TestEveryByteIsWellFormed(t *testing.T) {
	var e Encoder
	for c := range 256 {
		for _, field := range []string{string([]byte{byte(c)}), string([]byte{'a', byte(c), 'b'}), string([]byte{0xC3, byte(c)})} {
			r := Record{Host: []byte(field), Ident: []byte(field), User: []byte(field), Method: []byte(field), Path: []byte(field),
				Protocol: []byte(field), Referrer: []byte(field), Agent: []byte(field), Time: october, Status: 200}
			if got, want := decode(t, e.AppendHit(nil, &r)), carried(r.Hit()); got != want {
				t.Errorf("byte %#x:\ngot  %+v\nwant %+v", c, got, want)
			}
		}
	}
}

func FuzzXML(f *testing.F) {
	for _, s := range []string{"/a?b=c", `\x00\xff"<&>`, "\xed\xa0\x80\xef\xbf\xbf", "]]>", `\`, `\x`, "a\r\nb"} {
		f.Add([]byte(s), []byte("curl/7.88"))
	}
	f.Fuzz(func(t *testing.T, path, agent []byte) {
		r := Record{Host: []byte("::1"), Path: path, Agent: agent, Time: october, Status: 404, Bytes: 7}
		document := append([]byte(header), new(Encoder).AppendHit(nil, &r)...)
		document = append(document, trailer...)
		d := xml.NewDecoder(bytes.NewReader(document))
		var got Hit
		for {
			token, err := d.Token()
			if err != nil {
				if got == (Hit{}) || d.InputOffset() != int64(len(document)) {
					t.Fatalf("%q: %v", document, err)
				}
				break
			}
			if start, ok := token.(xml.StartElement); ok && start.Name.Local == "hit" {
				if err := d.DecodeElement(&got, &start); err != nil {
					t.Fatalf("%q: %v", document, err)
				}
			}
		}
		if want := carried(r.Hit()); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	line := []byte(sampleLine)
	var r Record
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Parse(line); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendHit(b *testing.B) {
	var r Record
	if err := r.Parse([]byte(sampleLine)); err != nil {
		b.Fatal(err)
	}
	var e Encoder
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = e.AppendHit(dst[:0], &r)
	}
}

// TestLineToStreamAllocatesNothing is what 50,000 hits a second rest on.
func TestLineToStreamAllocatesNothing(t *testing.T) {
	line := []byte(common + `"GET /\xC3\xA9?a&b HTTP/1.1" 200 612 "http://x.test/" "curl/7.88"`)
	var r Record
	var e Encoder
	dst := make([]byte, 0, 4096)
	got := testing.AllocsPerRun(100, func() {
		if err := r.Parse(line); err != nil {
			t.Fatal(err)
		}
		dst = e.AppendHit(dst[:0], &r)
	})
	if got != 0 {
		t.Errorf("got %v allocations a line, want 0", got)
	}
}

// BenchmarkPublish is the whole way from a chunk of a log to the backlog.
func BenchmarkPublish(b *testing.B) {
	lines := make([][]byte, 1000)
	for i := range lines {
		lines[i] = []byte(sampleLine)
	}
	var s Server
	b.ReportAllocs()
	for b.Loop() {
		s.Publish(lines)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(lines)), "ns/hit")
}
