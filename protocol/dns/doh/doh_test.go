package doh

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// addressed answers all questions of one name with an address, and that others
// are not there.
var addressed = dns.HandlerFunc(func(w *dns.ResponseWriter, q *dns.Query) {
	w.SetAuthoritative(true)
	switch q.Name.String() {
	case "www.example.com.":
		w.AddRRset(dns.Answer, q.Name, dns.RRset{Type: dns.TypeA, TTL: 60, Data: []byte{0, 4, 192, 0, 2, 1}})
	case "drop.example.com.":
		w.Drop()
	default:
		w.SetRcode(dns.RcodeNameError)
		w.Add(dns.Authority, &dns.SOA{Hdr: dns.RecordHeader{Name: "example.com.", Rrtype: dns.TypeSOA, Class: dns.ClassIN, Ttl: 900}, Ns: "ns.", Mbox: "m.", Minttl: 30})
	}
})

// served has a host serve s over HTTPS and HTTP, and gives another's client.
func served(t *testing.T, w *sim.World, s *dns.Server) *web.Client {
	t.Helper()
	h := w.Host("server")
	f := &web.Server{Handler: &Server{DNS: s}, Heads: http1.Limits{MaxLine: 200 << 10}}
	cert := sim.Certificate("server")
	_, err := h.Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: ":443",
		TLS: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: f.NextProtos()}}, f)
	if err != nil {
		t.Fatal(err)
	}
	h.Listen("tcp", ":80", f)
	return &web.Client{Loop: w.Host("client").Loop(), TLS: &tls.Config{RootCAs: sim.Roots(cert)}}
}

// asked is a query, with id 4711.
func asked(name string) *dns.Message {
	m := new(dns.Message)
	m.SetQuestion(name, dns.TypeA)
	m.Id = 4711
	return m
}

// TestExchange: the Client asks the Server, by GET and POST, over HTTP/2 and
// HTTP/1.1, in networks that cut and delay, and by way of a dns.Client.
func TestExchange(t *testing.T) {
	sim.Seeds(t, 12, func(t *testing.T, w *sim.World) {
		s := &dns.Server{Handler: addressed}
		wc := served(t, w, s)
		w.Host("client").Do(func(co *deferred.Co) error {
			for i, c := range []*Client{
				{URL: "https://server/dns-query", Web: wc},
				{URL: "https://server/dns-query", Web: wc, UseGET: true},
				{URL: "http://server/dns-query", Web: wc, UseGET: true},
			} {
				m, err := c.Exchange(asked("www.example.com.")).Await(co)
				if err != nil {
					return fmt.Errorf("%d: %w", i, err)
				}
				m.Compress = true
				if m.Id != 4711 || len(m.Answer) != 1 || !m.Authoritative || m.Len()%468 != 0 {
					t.Errorf("%d: got %v of %d bytes, want one record, padded", i, m, m.Len())
				}
			}
			r := &dns.Client{Loop: w.Host("client").Loop(), Servers: []dns.Upstream{{Exchanger: &Client{URL: "https://server/q", Web: wc}}}}
			m, err := r.Resolve(dns.Question{Name: "www.example.com.", Qtype: dns.TypeA, Qclass: dns.ClassIN}, dns.Options{}).Await(co)
			if err != nil || len(m.Answer) != 1 {
				t.Errorf("by a dns.Client: got %v, %v", m, err)
			}
			wc.Close()
			return err
		})
		if st := s.Stats(); st.Queries[dns.OverHTTPS] != 4 {
			t.Errorf("got %d queries counted, want 4", st.Queries[dns.OverHTTPS])
		}
	})
}

// TestRFC8484: what a request can be, and the status and fields of the answer.
// DNS-15: a message that is too long for DNS is refused before it is decoded.
func TestRFC8484(t *testing.T) {
	w := sim.New(t, 0)
	wc := served(t, w, &dns.Server{Handler: addressed})
	good, _ := asked("www.example.com.").Pack()
	absent, _ := asked("x.example.com.").Pack()
	dropped, _ := asked("drop.example.com.").Pack()
	response := append([]byte(nil), good...)
	response[2] |= 0x80
	b64 := base64.RawURLEncoding.EncodeToString
	long := strings.Repeat("!", base64.RawURLEncoding.EncodedLen(dns.MaxMessageBytes)+1) // cannot be decoded either
	for _, tt := range []struct {
		name, method, target, kind string
		body                       []byte
		status                     int
		cache                      string
	}{
		{"get", "GET", "/dns-query?dns=" + b64(good), "", nil, 200, "max-age=60"},
		{"get among others", "GET", "/dns-query?ct=x&dns=" + b64(good) + "&y", "", nil, 200, "max-age=60"},
		{"get, escaped", "GET", "/dns-query?dns=" + strings.Replace(b64(good), "A", "%41", 1), "", nil, 200, "max-age=60"},
		{"get what is not there", "GET", "/dns-query?dns=" + b64(absent), "", nil, 200, "max-age=30"},
		{"head", "HEAD", "/dns-query?dns=" + b64(good), "", nil, 200, "max-age=60"},
		{"post", "POST", "/dns-query", ContentType, good, 200, "max-age=60"},
		{"post with parameters", "POST", "/dns-query", "Application/DNS-message; charset=x", good, 200, "max-age=60"},
		{"malformed", "POST", "/dns-query", ContentType, good[:len(good)-1], 200, "max-age=0"},
		{"padding", "GET", "/dns-query?dns=" + base64.URLEncoding.EncodeToString(good[:len(good)-1]), "", nil, 400, ""},
		{"no base64", "GET", "/dns-query?dns=!", "", nil, 400, ""},
		{"nothing", "GET", "/dns-query", "", nil, 400, ""},
		{"two", "GET", "/dns-query?dns=" + b64(good) + "&dns=" + b64(good), "", nil, 400, ""},
		{"a response", "POST", "/dns-query", ContentType, response, 400, ""},
		{"no header", "POST", "/dns-query", ContentType, good[:11], 400, ""},
		{"nothing posted", "POST", "/dns-query", ContentType, nil, 400, ""},
		{"not answered", "POST", "/dns-query", ContentType, dropped, 503, ""},
		{"another type", "POST", "/dns-query", "application/dns-json", good, 415, ""},
		{"another method", "PUT", "/dns-query", ContentType, good, 405, ""},
		{"DNS-15 the longest", "GET", "/dns-query?dns=" + long[1:], "", nil, 400, ""},
		{"DNS-15 longer", "GET", "/dns-query?dns=" + long, "", nil, 414, ""},
		{"DNS-15 posted", "POST", "/dns-query", ContentType, make([]byte, dns.MaxMessageBytes+1), 413, ""},
	} {
		w.Host("client").Do(func(co *deferred.Co) error {
			r, err := web.NewRequest(tt.method, "http://server/")
			if err != nil {
				return err
			}
			if err := r.SetTarget(tt.target); err != nil { // NewRequest takes 8 KiB
				return err
			}
			if tt.kind != "" {
				r.Content = web.Bytes(tt.kind, tt.body)
			}
			p, err := wc.Do(r).Await(co)
			if err != nil {
				return err
			}
			body, err := p.Bytes(-1).Await(co)
			if p.Status != tt.status || p.Header.Get("Cache-Control") != tt.cache && tt.status == 200 {
				t.Errorf("%s: got %d, %q (%.60q); want %d, %q", tt.name, p.Status, p.Header.Get("Cache-Control"), body, tt.status, tt.cache)
			}
			if tt.status == 200 && p.Header.Get("Content-Type") != ContentType {
				t.Errorf("%s: got the type %q", tt.name, p.Header.Get("Content-Type"))
			}
			if tt.status == http.StatusMethodNotAllowed && p.Header.Get("Allow") != "GET, HEAD, POST" {
				t.Errorf("%s: got Allow %q", tt.name, p.Header.Get("Allow"))
			}
			return err
		})
	}
	w.Host("client").Do(func(*deferred.Co) error { wc.Close(); return nil })
}

// TestDNS_15Default: with a web.Server's own limits the answer is 414, too.
func TestDNS_15Default(t *testing.T) {
	c := sim.NewClock(t)
	tr := sim.Connect(c, &web.Server{Handler: &Server{DNS: &dns.Server{Handler: addressed}}})
	tr.Receive("GET /dns-query?dns=" + strings.Repeat("A", 1<<20))
	c.Advance(0)
	if got := tr.Written(); !strings.HasPrefix(got, "HTTP/1.1 414 ") {
		t.Errorf("got %.40q, want 414", got)
	}
	tr.Reset()
	c.Advance(0)
}

// TestClientWrong: what is no answer fails, and says what came; what was in
// caches of HTTP is as old as those say.
func TestClientWrong(t *testing.T) {
	answer := asked("www.example.com.")
	answer.Id = 0
	answer.Response = true
	answer.Answer = []dns.RR{&dns.A{Hdr: dns.RecordHeader{Name: "www.example.com.", Rrtype: dns.TypeA, Class: dns.ClassIN, Ttl: 60}, A: []byte{192, 0, 2, 1}}}
	p, err := answer.Pack()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, kind, age string
		status          int
		body            []byte
		ttl             uint32
		want            string
	}{
		{"fine", ContentType, "", 200, p, 60, ""},
		{"older", ContentType, "25", 200, p, 35, ""},
		{"too old", ContentType, "99", 200, p, 0, ""},
		{"no number", ContentType, "x", 200, p, 60, ""},
		{"refused", ContentType, "", 403, p, 0, "status 403"},
		{"a page", "text/html", "", 200, p, 0, `type "text/html"`},
		{"nonsense", ContentType, "", 200, p[:20], 0, "malformed"},
		{"too long", ContentType, "", 200, make([]byte, 70_000), 0, "too"},
	} {
		w := sim.New(t, 0)
		w.Host("server").Listen("tcp", ":80", &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
			w.SetHeader("Content-Type", tt.kind)
			if tt.age != "" {
				w.SetHeader("Age", tt.age)
			}
			w.WriteHeader(tt.status)
			w.Write(tt.body)
		})})
		h := w.Host("client")
		h.Do(func(co *deferred.Co) error {
			c := &Client{URL: "http://server/dns-query", Web: &web.Client{Loop: h.Loop()}}
			m, err := c.Exchange(asked("www.example.com.")).Await(co)
			switch {
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
			case tt.want == "" && (err != nil || m.Id != 4711 || m.Answer[0].Header().Ttl != tt.ttl):
				t.Errorf("%s: got %v, %v; want a TTL of %d", tt.name, m, err, tt.ttl)
			}
			c.Web.Close()
			return nil
		})
	}
}
