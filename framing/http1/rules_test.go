package http1_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/framing/http1/http1test"
)

// rulesOf runs the cases of the corpus whose names begin with one of the rules,
// in all ways of delivery.
func rulesOf(t *testing.T, rules ...string) {
	n := 0
	for _, c := range http1test.Corpus() {
		rule, _, _ := strings.Cut(c.Name, " ")
		for _, want := range rules {
			if rule == want {
				n++
				t.Run(c.Name, func(t *testing.T) {
					p := modes(t, &player{response: c.Response, method: c.Method}, c.Bytes)
					if got := strings.Join(p.outcomes, " "); got != c.Want {
						t.Errorf("got %s, want %s\n%s", got, c.Want, p.log.String())
					}
				})
			}
		}
	}
	if n == 0 {
		t.Fatalf("the corpus has no case of %v", rules)
	}
}

// Every case of the corpus belongs to a rule that is tested here.
func TestEveryCaseIsPlayed(t *testing.T) {
	for _, c := range http1test.Corpus() {
		if rule, _, _ := strings.Cut(c.Name, " "); !slices.Contains(rulesPlayed, rule) {
			t.Errorf("%s: no test plays it", c.Name)
		}
	}
}

var rulesPlayed = strings.Fields("T-01 T-02 T-03 T-04 T-05 T-06 T-07 T-09 T-11 T-12 T-22 " +
	"H1-01 H1-02 H1-03 H1-04 H1-05 H1-06 H1-07 H1-08 H1-09 H1-10 H1-11 H1-12 H1-13 H1-14 H1-16 H1-19 V01 V03 V62")

func TestV01_RequestLineAndFields(t *testing.T)   { rulesOf(t, "V01") }
func TestV03_Bodies(t *testing.T)                 { rulesOf(t, "V03", "T-11", "H1-19") }
func TestV62_Responses(t *testing.T)              { rulesOf(t, "V62") }
func TestT_01_OneLength(t *testing.T)             { rulesOf(t, "T-01") }
func TestT_02_LengthOrCoding(t *testing.T)        { rulesOf(t, "T-02") }
func TestT_03_ChunkedAlone(t *testing.T)          { rulesOf(t, "T-03") }
func TestT_04_Numbers(t *testing.T)               { rulesOf(t, "T-04") }
func TestT_06_OnlySpacesAreStripped(t *testing.T) { rulesOf(t, "T-06") }
func TestT_12_BareLineEnds(t *testing.T)          { rulesOf(t, "T-12") }
func TestT_22_HostIsAName(t *testing.T)           { rulesOf(t, "T-22") }
func TestH1_01_Host(t *testing.T)                 { rulesOf(t, "H1-01") }
func TestH1_02_NoSpaceBeforeColon(t *testing.T)   { rulesOf(t, "H1-02") }
func TestH1_03_FieldNames(t *testing.T)           { rulesOf(t, "H1-03") }
func TestH1_04_NoFolding(t *testing.T)            { rulesOf(t, "H1-04") }
func TestH1_05_EmptyLength(t *testing.T)          { rulesOf(t, "H1-05") }
func TestH1_06_CodingIn10(t *testing.T)           { rulesOf(t, "H1-06") }
func TestH1_07_ChunkLines(t *testing.T)           { rulesOf(t, "H1-07") }
func TestH1_08_ChunkOverflow(t *testing.T)        { rulesOf(t, "H1-08") }
func TestH1_09_Trailers(t *testing.T)             { rulesOf(t, "H1-09") }
func TestH1_10_RequestLine(t *testing.T)          { rulesOf(t, "H1-10") }
func TestH1_11_LaterVersions(t *testing.T)        { rulesOf(t, "H1-11") }
func TestH1_12_EmptyLines(t *testing.T)           { rulesOf(t, "H1-12") }
func TestH1_13_Targets(t *testing.T)              { rulesOf(t, "H1-13") }
func TestH1_14_Limits(t *testing.T)               { rulesOf(t, "H1-14") }
func TestH1_16_Expect(t *testing.T)               { rulesOf(t, "H1-16") }
func TestT_09_TrailerLimit(t *testing.T)          { rulesOf(t, "T-09") }

// T-05: no byte that could end a line, or hide its end, passes in an extension.
func TestT_05_ChunkExtensions(t *testing.T) {
	rulesOf(t, "T-05")
	for b := range 256 {
		whole := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3; " + string([]byte{byte(b)}) + "\r\nabc\r\n0\r\n\r\n"
		want := "served"
		if b < 0x20 && b != '\t' || b == '\\' || b >= 0x7f {
			want = "begun 400"
		}
		if got := strings.Join(modes(t, &player{}, []byte(whole)).outcomes, " "); got != want {
			t.Errorf("byte %#x: got %s, want %s", b, got, want)
		}
	}
}

// T-07: a chunk line is refused at its 1,025th byte, not when it ends; before
// that nothing of it is kept.
func TestT_07_ChunkLineLimit(t *testing.T) {
	rulesOf(t, "T-07")
	head := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	for n, want := range map[int]string{1023: "begun", 1024: "begun 400"} {
		whole := head + "3;" + strings.Repeat("x", n-1)
		if got := strings.Join(modes(t, &player{}, []byte(whole)).outcomes, " "); got != want {
			t.Errorf("extension of %d bytes: got %s, want %s", n, got, want)
		}
	}
}

// T-09 and H1-14: a limit is reached at its byte, neither before nor after, also
// when no line ends.
func TestH1_14_LimitsAreExact(t *testing.T) {
	get := "GET / HTTP/1.1\r\nHost: a\r\n"
	chunked := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
	for _, tc := range []struct {
		name, before string
		room         int
		over, under  string
	}{
		{"request line", "GET /", 8192 - 5, "414", "waits"},
		{"field", get + "X: ", 8192 - 3, "431", "waits"},
		{"fields together", get + strings.Repeat("X: "+strings.Repeat("a", 95)+"\r\n", 82) + "X: ", 16384 - 9 - 8200 - 3 - 2, "431", "waits"},
		{"trailer section", chunked + strings.Repeat("X: "+strings.Repeat("a", 8187)+"\r\n", 7) + "X: ", 8192 - 3 - 2, "begun 400", "begun"},
	} {
		for _, end := range []string{"", "\r"} {
			under := tc.before + strings.Repeat("a", tc.room) + end
			over := tc.before + strings.Repeat("a", tc.room+1) + end
			if got := strings.Join(modes(t, &player{}, []byte(under)).outcomes, " "); got != tc.under {
				t.Errorf("%s to its limit, then %q: got %s, want %s", tc.name, end, got, tc.under)
			}
			if got := strings.Join(modes(t, &player{}, []byte(over)).outcomes, " "); got != tc.over {
				t.Errorf("%s beyond its limit, then %q: got %s, want %s", tc.name, end, got, tc.over)
			}
		}
	}
	fields := func(n int) string { return get + strings.Repeat("X:\r\n", n-1) + "\r\n" }
	for n, want := range map[int]string{100: "served", 101: "431"} {
		if got := strings.Join(modes(t, &player{}, []byte(fields(n))).outcomes, " "); got != want {
			t.Errorf("%d fields: got %s, want %s", n, got, want)
		}
	}
}

// Every byte, at the places where a byte decides: what is allowed there is
// allowed, and nothing else.
func TestEveryByteAtEveryPlace(t *testing.T) {
	const token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	visible := ""
	for c := byte(0x21); c < 0x7f; c++ {
		visible += string(c)
	}
	high := ""
	for c := 0x80; c < 0x100; c++ {
		high += string([]byte{byte(c)})
	}
	without := func(s, no string) string {
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune(no, r) {
				return -1
			}
			return r
		}, s)
	}
	for _, tc := range []struct{ name, message, allowed string }{
		{"method", "A@B / HTTP/1.1\r\nHost: a\r\n\r\n", token},
		{"first of a method", "@B / HTTP/1.1\r\nHost: a\r\n\r\n", token},
		{"path", "GET /a@b HTTP/1.1\r\nHost: a\r\n\r\n", without(visible, "\"#<>\\%")},
		{"query", "GET /?a@b HTTP/1.1\r\nHost: a\r\n\r\n", without(visible, "\"#<>")},
		{"field name", "GET / HTTP/1.1\r\nHost: a\r\nX@Y: b\r\n\r\n", token + ":"},
		{"first of a field name", "GET / HTTP/1.1\r\nHost: a\r\n@Y: b\r\n\r\n", token},
		{"value", "GET / HTTP/1.1\r\nHost: a\r\nX: a@b\r\n\r\n", visible + high + " \t"},
		{"host", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", without(token, "!#$%&'*+^`|")},
		{"port", "GET / HTTP/1.1\r\nHost: a:1@\r\n\r\n", "0123456789 \t"},
		{"Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0@\r\n\r\nbodybody!", "0123456789 \t"},
		{"after the version", "GET / HTTP/1.1@\r\nHost: a\r\n\r\n", ""},
		{"version", "GET / HTTP/1.@\r\nHost: a\r\n\r\n", "0123456789"},
	} {
		for b := range 256 {
			c := string([]byte{byte(b)})
			whole := strings.Replace(tc.message, "@", c, 1)
			p := modes(t, &player{}, []byte(whole))
			got := len(p.outcomes) > 0 && p.outcomes[0] == "served"
			if want := strings.Contains(tc.allowed, c); got != want {
				t.Errorf("%s: byte %#x: served is %v, want %v: %v", tc.name, b, got, want, p.outcomes)
			}
		}
	}
}

// A head is kept only while it is not whole, and a deadline needs to know it.
func TestStarted(t *testing.T) {
	var p player
	for _, tc := range []struct {
		piece   string
		started bool
	}{
		{"\r", false}, {"\n", false}, {"G", true}, {"ET / HTTP/1.1\r\nHost: a\r\n\r", true}, {"\n", false},
	} {
		if _, _, err := p.parser.Request([]byte(tc.piece), &p.req); err != nil {
			t.Fatal(err)
		}
		if got := p.parser.Started(); got != tc.started {
			t.Errorf("after %q: started is %v, want %v", tc.piece, got, tc.started)
		}
	}
	if n, done, err := p.parser.Response(nil, "GET", &p.resp); n != 0 || done || err != nil || p.parser.Started() {
		t.Errorf("nothing: got %d, %v, %v, want nothing", n, done, err)
	}
	p.parser.Request([]byte("GET"), &p.req)
	p.parser.Reset()
	if p.parser.Started() {
		t.Error("started after Reset")
	}
	if _, done, err := p.parser.Request([]byte("GET / HTTP/1.0\r\n\r\n"), &p.req); !done || err != nil {
		t.Errorf("after Reset: got %v, %v, want a request", done, err)
	}
}
