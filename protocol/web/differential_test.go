package web_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1/http1test"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// An outcome is what a server made of all that one client sent.
type outcome struct {
	served  []string // the requests that were whole: method, path, host, body
	refusal string   // why it served no more; "": it would have
}

// ofOurs is what our Server makes of wire.
func ofOurs(t testing.TB, wire []byte) (o outcome) {
	var log strings.Builder
	s := &web.Server{
		DisableHTTP2: true, MaxBodyBytes: -1, MinBodyRate: -1,
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
			begun := fmt.Sprintf("%s %s %s", r.Method, r.Target(), r.Host())
			return deferred.Then(r.Body.Bytes(-1), func(p []byte) (none struct{}, err error) {
				o.served = append(o.served, begun+" "+string(p))
				return none, nil
			})
		}),
	}
	clock := sim.NewClock(t)
	tr := sim.Connect(clock, s)
	tr.Receive(string(wire))
	clock.Advance(0)
	tr.End()
	clock.Advance(0)
	tr.Reset()
	clock.Advance(time.Minute)
	if _, err, ok := strings.Cut(log.String(), " err="); ok {
		o.refusal = strings.Trim(strings.TrimSpace(strings.ReplaceAll(err, `\"`, `"`)), `"`)
	}
	return o
}

// ofTheirs is what net/http's makes of it.
func ofTheirs(wire []byte) (o outcome) {
	conn := &memory{in: bytes.NewReader(wire), over: make(chan struct{})}
	s := &http.Server{DisableGeneralOptionsHandler: true, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := io.ReadAll(r.Body)
		if err != nil {
			w.Header().Set("X-Error", err.Error())
			w.WriteHeader(400)
			return
		}
		target := r.RequestURI
		if r.URL.Scheme != "" {
			target = cmp.Or(strings.TrimPrefix(target, r.URL.Scheme+"://"+r.URL.Host), "/")
			if target[0] == '?' {
				target = "/" + target
			}
		}
		o.served = append(o.served, fmt.Sprintf("%s %s %s %s", r.Method, target, r.Host, p))
	})}
	s.Serve(&once{conn: conn})
	<-conn.over
	said := conn.out.String()
	for i, answer := range strings.Split(said, "HTTP/1.1 ") {
		switch {
		case i == 0 || answer[0] == '1' || answer[0] == '2':
		case strings.Contains(answer, "X-Error: "):
			_, o.refusal, _ = strings.Cut(answer, "X-Error: ")
			o.refusal, _, _ = strings.Cut(o.refusal, "\r\n")
		default:
			_, body, _ := strings.Cut(answer, "\r\n\r\n")
			o.refusal = answer[:3] + " " + body
		}
	}
	return o
}

// A memory is a connection whose client sends what is in, and then ends.
type memory struct {
	in   *bytes.Reader
	out  bytes.Buffer
	over chan struct{}
}

func (m *memory) Read(p []byte) (int, error)  { return m.in.Read(p) }
func (m *memory) Write(p []byte) (int, error) { return m.out.Write(p) }
func (m *memory) Close() error {
	select {
	case <-m.over:
	default:
		close(m.over)
	}
	return nil
}
func (m *memory) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (m *memory) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (m *memory) SetDeadline(time.Time) error      { return nil }
func (m *memory) SetReadDeadline(time.Time) error  { return nil }
func (m *memory) SetWriteDeadline(time.Time) error { return nil }

// once is a listener of one connection.
type once struct{ conn net.Conn }

func (l *once) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	return nil, errors.New("no more")
}
func (l *once) Close() error   { return nil }
func (l *once) Addr() net.Addr { return &net.TCPAddr{} }

// stricter are the reasons for which we serve less than net/http, by ours, and looser
// those for which we serve more, by theirs. framing/http1 has the same of single messages, with the
// sections of the RFCs; here it is what becomes of connections.
var stricter = map[string]string{
	"line ends with LF":                    "T-12: they take LF for a line end",
	"line begins with white space":         "H1-04: they join folded lines",
	"field name: want":                     "H1-02, H1-03: they take names with spaces",
	"Host: want":                           "H1-01: they take all that a URI's authority may have",
	"several Host":                         "H1-01: with an absolute target they do not count",
	"no Host":                              "H1-01: with an absolute target they want none",
	"several Content-Length":               "T-01: they take those that are the same",
	"Transfer-Encoding and Content-Length": "T-02: they drop the length",
	"Transfer-Encoding in HTTP/1.0":        "H1-06: they ignore it",
	"Transfer-Encoding: want":              "T-03",
	"chunk extension: want":                "T-05: they skip extensions unseen",
	"chunk size: want":                     "H1-07: they take white space after it",
	"trailer section has a field":          "H1-09: they keep apart all but three",
	"target: want":                         "H1-13: they take what package url can parse",
	"first line too large":                 "H1-14: they limit the head as a whole",
	"field line too large":                 "H1-14: they limit the head as a whole",
	"header section too large":             "H1-14: they limit it to 1 MiB",
	"too many fields":                      "H1-14: they have no such limit",
	"chunk line too large":                 "H1-07: they allow 4,096 bytes",
	"chunk extensions of a body too large": "H1-07: they count all framing against the data",
	"trailer section too large":            "T-09: their buffer is the limit",
	"request line: want":                   "H1-10: they take CONNECT without a target",
	"second empty line":                    "H1-12",
	"version: want":                        "H1-10: they give the preface of HTTP/2 to the Handler",
	"first line begins with a byte":        "they skip up to four CR or LF after a POST",
	"CR before a request":                  "they skip up to four CR or LF after a POST",
	"Expect: want":                         "H1-16: they take 100-continue among others, and none",
}

var looser = map[string]string{
	"bad trailer key":           "the Trailer field announces only",
	"too much non-data":         "they count all framing against the data",
	"suspiciously long trailer": "their buffer is the limit",
	"unsupported":               "they take no coding before chunked either, and say so otherwise",
}

// differ says how two outcomes differ where no reason above allows it; "": they do not.
func differ(wire []byte, ours, theirs outcome) string {
	for i := range min(len(ours.served), len(theirs.served)) {
		if ours.served[i] != theirs.served[i] {
			return fmt.Sprintf("request %d is %q to us and %q to them", i, ours.served[i], theirs.served[i])
		}
	}
	switch {
	case len(ours.served) < len(theirs.served):
		for reason := range stricter {
			if strings.Contains(ours.refusal, reason) {
				return ""
			}
		}
		return fmt.Sprintf("they serve %d, we only %d (%s)", len(theirs.served), len(ours.served), ours.refusal)
	case len(ours.served) > len(theirs.served):
		for reason := range looser {
			if strings.Contains(theirs.refusal, reason) {
				return ""
			}
		}
		if theirs.refusal == "400 400 Bad Request" && withoutEmptyLine(wire, ours, theirs) {
			return ""
		}
		return fmt.Sprintf("we serve %d, they only %d (%s)", len(ours.served), len(theirs.served), theirs.refusal)
	}
	return ""
}

// withoutEmptyLine says whether they would serve as much as we do, were it not for an empty
// line before a request, of which they skip none and we one: H1-12.
func withoutEmptyLine(wire []byte, ours, theirs outcome) bool {
	for at := 0; at < len(wire); at++ {
		i := bytes.Index(wire[at:], []byte("\r\n"))
		if i < 0 {
			break
		}
		at += i
		less := append(bytes.Clone(wire[:at]), wire[at+2:]...)
		if o := ofTheirs(less); len(o.served) > len(theirs.served) {
			return differ(less, ours, o) == ""
		}
	}
	return false
}

// TestV03DifferentialNetHTTP gives the same bytes to our Server and to that of net/http, the corpus and
// what chance makes of it: both serve the same requests, but for the reasons in the tables.
func TestV03DifferentialNetHTTP(t *testing.T) {
	var good, all [][]byte
	for _, c := range http1test.Corpus() {
		if c.Response || strings.Contains(c.Name, "preface of HTTP/2") || len(c.Bytes) > 20_000 {
			continue
		}
		all = append(all, c.Bytes)
		if c.Status() == 0 && !strings.Contains(c.Want, "waits") && len(c.Bytes) < 2000 {
			good = append(good, c.Bytes)
		}
	}
	try := func(t *testing.T, wire []byte) (served, refused int) {
		ours, theirs := ofOurs(t, wire), ofTheirs(wire)
		if why := differ(wire, ours, theirs); why != "" {
			t.Errorf("%s\n%.600q", why, wire)
		}
		if ours.refusal != "" {
			refused = 1
		}
		return len(ours.served), refused
	}
	for _, wire := range all {
		try(t, wire)
	}
	n := uint64(200)
	if testing.Short() {
		n = 25
	}
	for part := range uint64(8) { // side by side, since theirs sleeps after some refusals
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			served, refused := 0, 0
			for seed := part * n; seed < (part+1)*n; seed++ {
				r := rand.New(rand.NewPCG(seed, 9112))
				var wire []byte
				for range 1 + r.IntN(3) {
					wire = append(wire, good[r.IntN(len(good))]...)
				}
				for range 1 + r.IntN(3) {
					wire = mutated(r, wire, good)
				}
				s, no := try(t, wire)
				served, refused = served+s, refused+no
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
			if served < int(n)/4 || refused < int(n)/8 {
				t.Errorf("%d requests were served and %d streams refused: that proves little", served, refused)
			}
		})
	}
}

// mutated changes wire a little, in the ways that matter to HTTP.
func mutated(r *rand.Rand, wire []byte, others [][]byte) []byte {
	if len(wire) == 0 {
		return wire
	}
	at := r.IntN(len(wire))
	insert := func(s string) []byte { return append(wire[:at:at], append([]byte(s), wire[at:]...)...) }
	switch r.IntN(8) {
	case 0:
		return insert([]string{"\r\n", "\n", "\r", " ", "\t", ":", "\x00", "0", ";", ",", "a"}[r.IntN(11)])
	case 1: // a byte is lost
		return append(wire[:at:at], wire[at+1:]...)
	case 2: // or another
		out := bytes.Clone(wire)
		out[at] = byte(r.IntN(256))
		return out
	case 3: // a line twice
		if i := bytes.IndexByte(wire[at:], '\n'); i >= 0 {
			return insert(string(wire[at : at+i+1]))
		}
	case 4: // a field more
		if i := bytes.Index(wire, []byte("\r\n")); i >= 0 {
			at = i + 2
			return insert([]string{"Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "Host: b\r\n", "Expect: 100-continue\r\n", "X: y\r\n"}[r.IntN(6)])
		}
	case 5: // the end is missing
		return wire[:at]
	case 6: // one within another
		return insert(string(others[r.IntN(len(others))]))
	case 7: // a number changed
		if all := regexp.MustCompile(`[0-9]+`).FindAllIndex(wire, -1); len(all) > 0 {
			m := all[r.IntN(len(all))]
			return append(wire[:m[0]:m[0]], append([]byte(fmt.Sprint(r.IntN(20))), wire[m[1]:]...)...)
		}
	}
	return wire
}

// FuzzDifferential is the same for whatever is found.
func FuzzDifferential(f *testing.F) {
	for _, c := range http1test.Corpus() {
		if !c.Response && len(c.Bytes) < 2000 {
			f.Add(c.Bytes)
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		if why := differ(wire, ofOurs(t, wire), ofTheirs(wire)); why != "" {
			t.Error(why)
		}
	})
}
