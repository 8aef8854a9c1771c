package websocket

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// The request of RFC 6455, section 1.3, and what changes of it.
const sampleRequest = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://server.example.com\r\n" +
	"Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n"

// swap is the sample with each pair's first replaced by its second.
func swap(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(sampleRequest) }

// hearing is a Server that echoes, and writes down what it hears in h.
func hearing(h **heard) *Server {
	return &Server{Build: func(c *Conn, _ *web.Request) Protocol {
		*h = &heard{Conn: c}
		(*h).hear = func(kind Kind, p []byte) { c.WriteMessage(kind, p) }
		return *h
	}}
}

// site connects to a web server of s.
func site(t sim.T, s web.Handler) (*sim.Clock, *sim.Transport) {
	c := sim.NewClock(t)
	return c, sim.Connect(c, &web.Server{Handler: s})
}

// leave ends a connection.
func leave(c *sim.Clock, tr *sim.Transport) {
	tr.Reset()
	c.Advance(0)
}

// status is that of an answer, and field one of its fields.
func status(answer string) string {
	_, s, _ := strings.Cut(answer, " ")
	return s[:min(3, len(s))]
}

func field(answer, name string) string {
	head, _, _ := strings.Cut(answer, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, v, ok := strings.Cut(line, ": "); ok && strings.EqualFold(n, name) {
			return v
		}
	}
	return ""
}

// TestRFC6455Sample is the handshake of RFC 6455, section 1.3.
func TestRFC6455Sample(t *testing.T) {
	var h *heard
	s := hearing(&h)
	s.Protocols = []string{"other", "chat"}
	c, tr := site(t, s)
	tr.Receive(sampleRequest)
	got := tr.Take()
	for name, want := range map[string]string{
		"Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Sec-WebSocket-Protocol": "chat",
		"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Extensions": "",
	} {
		if v := field(got, name); v != want {
			t.Errorf("%s: got %q, want %q", name, v, want)
		}
	}
	if status(got) != "101" || h == nil || h.Subprotocol() != "chat" {
		t.Errorf("got %q", got)
	}
	tr.Receive(masked(0x81, "Hello"))
	if got := told(t, tr.Written()); got != `text "Hello"` {
		t.Errorf("got %q", got)
	}
	leave(c, tr)
}

// TestWS_01_Origin: a page of another site may not connect, unless it is
// listed; those of the same host may, and so may who is no browser.
func TestWS_01_Origin(t *testing.T) {
	for _, tc := range []struct {
		host, origin string
		listed       []string
		want         string
	}{
		{"server.example.com", "https://evil", nil, "403"},
		{"server.example.com", "null", nil, "403"},
		{"server.example.com", "", nil, "403"},
		{"server.example.com", "http://server.example.com.evil", nil, "403"},
		{"server.example.com", "http://evil.server.example.com", nil, "403"},
		{"server.example.com", "http://server.example.com@evil", nil, "403"},
		{"server.example.com", "http://evil/server.example.com", nil, "403"},
		{"server.example.com", "http://server.example.com:8080", nil, "403"},
		{"server.example.com:8080", "http://server.example.com", nil, "403"},
		{"server.example.com", "http://server.example.com\r\nOrigin: https://evil", nil, "403"},
		{"server.example.com", "https://evil", []string{"https://app.example"}, "403"},
		{"server.example.com", "https://app.example.evil", []string{"https://app.example"}, "403"},
		{"server.example.com", "https://app.example", []string{"https://app.example"}, "101"},
		{"server.example.com", "HTTPS://App.Example", []string{"https://app.example"}, "101"},
		{"server.example.com", "https://evil", []string{"*"}, "101"},
		{"server.example.com", "http://server.example.com", nil, "101"},
		{"server.example.com", "https://SERVER.example.com", nil, "101"},
		{"server.example.com", "http://server.example.com:80", nil, "101"},
		{"server.example.com:443", "https://server.example.com", nil, "101"},
		{"server.example.com:8080", "http://server.example.com:8080", nil, "101"},
		{"[::1]:8080", "http://[::1]:8080", nil, "101"},
	} {
		var h *heard
		s := hearing(&h)
		s.Origins = tc.listed
		c, tr := site(t, s)
		tr.Receive(swap("Host: server.example.com", "Host: "+tc.host, "http://server.example.com", tc.origin))
		if got := tr.Written(); status(got) != tc.want || (h != nil) != (tc.want == "101") {
			t.Errorf("origin %q of host %q, listed %q: got %s, built %v; want %s", tc.origin, tc.host, tc.listed, status(got), h != nil, tc.want)
		}
		leave(c, tr)
	}
	c, tr := site(t, &Server{Build: func(c *Conn, _ *web.Request) Protocol { return &heard{Conn: c} }})
	tr.Receive(swap("Origin: http://server.example.com\r\n", ""))
	if got := status(tr.Written()); got != "101" {
		t.Errorf("without Origin: %s", got)
	}
	leave(c, tr)
}

// TestRFC6455HandshakeOfClients are those of RFC 6455, section 4.2.1, for what a client sends.
// https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1
func TestRFC6455HandshakeOfClients(t *testing.T) {
	for _, tc := range []struct{ name, request, want string }{
		{"the sample", sampleRequest, "101"},
		{"in other case", swap("Upgrade: websocket", "uPGRADE: WebSocket", "Connection: Upgrade", "cONNECTION: keep-alive, uPGRADE"), "101"},
		{"a plain request", swap("Upgrade: websocket\r\n", "", "Connection: Upgrade\r\n", ""), "426"},
		{"HTTP/1.0", swap("HTTP/1.1", "HTTP/1.0"), "426"},
		{"POST", swap("GET ", "POST "), "426"},
		{"HEAD", swap("GET ", "HEAD "), "426"},
		{"another protocol", swap("Upgrade: websocket", "Upgrade: h2c"), "426"},
		{"Upgrade without Connection", swap("Connection: Upgrade", "Connection: keep-alive"), "426"},
		{"no version", swap("Sec-WebSocket-Version: 13\r\n", ""), "426"},
		{"version 8", swap("Version: 13", "Version: 8"), "426"},
		{"version 13, 8", swap("Version: 13", "Version: 13, 8"), "426"},
		{"two versions", swap("Sec-WebSocket-Version: 13\r\n", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8\r\n"), "426"},
		{"two keys", swap("Sec-WebSocket-Version", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version"), "400"},
		{"no key", swap("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), "400"},
		{"a key of 15 bytes", swap("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j"), "400"},
		{"a key of 17 bytes", swap("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZXg="), "400"},
		{"a key of 18 bytes", swap("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZXh4"), "400"},
		{"a key that is no base64", swap("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j****"), "400"},
		{"a subprotocol that is no token", swap("chat, superchat", "chat, super chat"), "400"},
		{"extensions that are none", swap("Sec-WebSocket-Version", "Sec-WebSocket-Extensions: ;;;\r\nSec-WebSocket-Version"), "400"},
		{"extensions nobody knows", swap("Sec-WebSocket-Version", "Sec-WebSocket-Extensions: x-new; a=\"b\"\r\nSec-WebSocket-Version"), "101"},
	} {
		var h *heard
		c, tr := site(t, hearing(&h))
		tr.Receive(tc.request)
		got := tr.Written()
		if status(got) != tc.want || (h != nil) != (tc.want == "101") {
			t.Errorf("%s: got %.300q, want %s", tc.name, got, tc.want)
		}
		if tc.want == "426" && (field(got, "Sec-WebSocket-Version") != "13" || field(got, "Upgrade") != "websocket") {
			t.Errorf("%s: 426 does not say what we speak: %.300q", tc.name, got)
		}
		leave(c, tr)
	}
}

// TestMisconfigured: what could never work says so at the first handshake.
func TestMisconfigured(t *testing.T) {
	build := func(*Conn, *web.Request) Protocol { return nil }
	for _, s := range []*Server{
		{Build: build, Origins: []string{"https://app.example/"}},
		{Build: build, Origins: []string{"app.example"}},
		{Build: build, Protocols: []string{"two words"}},
		{Build: build, Deflate: &Deflate{WindowBits: 7}},
		{Build: build, Deflate: &Deflate{PeerWindowBits: 16}},
		{Build: build, MaxMessageBytes: -1},
		{},
	} {
		c, tr := site(t, s)
		tr.Receive(sampleRequest)
		if errs := c.Logged(); status(tr.Written()) != "500" || !strings.Contains(errs, "want") {
			t.Errorf("%+v: answered %s, logged %q", s, status(tr.Written()), errs)
		}
		leave(c, tr)
		c.Errors()
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a client with a bad subprotocol did not panic")
			}
		}()
		(&Client{Protocols: []string{""}}).Dial(sim.NewClock(t), "ws://host/", nil)
	}()
}

// TestRefused: a Build that returns nil is 403.
func TestRefused(t *testing.T) {
	c, tr := site(t, &Server{Build: func(*Conn, *web.Request) Protocol { return nil }})
	tr.Receive(sampleRequest)
	if got := status(tr.Written()); got != "403" {
		t.Errorf("got %s, want 403", got)
	}
	leave(c, tr)
}

// TestWS_11_Early: a handshake with a body is refused; frames that come with the
// handshake, however cut, are heard in order, and none is lost.
func TestWS_11_Early(t *testing.T) {
	for _, body := range []string{"Content-Length: 6\r\n\r\nabcdef", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "Content-Length: 6\r\n\r\n"} {
		var h *heard
		c, tr := site(t, hearing(&h))
		tr.Receive(strings.TrimSuffix(sampleRequest, "\r\n") + body)
		if got := tr.Written(); status(got) != "400" || h != nil {
			t.Errorf("%q: got %.60q, want 400", body, got)
		}
		leave(c, tr)
	}
	var early strings.Builder
	early.WriteString(sampleRequest)
	var want []string
	for i := range 20 {
		early.WriteString(masked(0x82, strings.Repeat(string(rune('a'+i)), i)))
		want = append(want, fmt.Sprintf("binary %q", strings.Repeat(string(rune('a'+i)), i)))
	}
	input := early.String()
	for cut := 0; cut < len(input); cut += 3 {
		var h *heard
		c, tr := site(t, hearing(&h))
		tr.Receive(input[:cut], input[cut:])
		c.Advance(0)
		if h == nil || strings.Join(h.events, ", ") != strings.Join(want, ", ") {
			t.Fatalf("cut at %d: heard %v, want %q", cut, h, want)
		}
		_, frames, _ := strings.Cut(tr.Written(), "\r\n\r\n")
		if got := told(t, frames); got != strings.Join(want, ", ") {
			t.Fatalf("cut at %d: echoed %q", cut, got)
		}
		leave(c, tr)
	}
}

// TestRFC6455HandshakeOfServers: what a client sends, and which answers it takes.
// https://www.rfc-editor.org/rfc/rfc6455#section-4.1
func TestRFC6455HandshakeOfServers(t *testing.T) {
	for _, tc := range []struct {
		name, answer string
		want         string // part of the error; "": none
	}{
		{"right", "", ""},
		{"early hints before", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n+", ""},
		{"403", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "got 403 Forbidden"},
		{"200", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "got 200"},
		{"another key", "-s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Sec-WebSocket-Accept"},
		{"another protocol", "~mqtt", "Upgrade: websocket"},
		{"a subprotocol nobody asked for", "Sec-WebSocket-Protocol: mqtt\r\n", "a subprotocol that was offered"},
		{"an extension nobody asked for", "Sec-WebSocket-Extensions: x-new\r\n", "extensions as they were offered"},
		{"two extensions", "Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate\r\n", "extensions as they were offered"},
		{"a parameter nobody knows", "Sec-WebSocket-Extensions: permessage-deflate; x=1\r\n", "extensions as they were offered"},
		{"no HTTP", "SSH-2.0-x\r\n\r\n", "http1"},
		{"an end", "<end>", "unexpected EOF"},
	} {
		clock := sim.NewClock(t)
		client := &Client{Protocols: []string{"chat"}, Deflate: &Deflate{}}
		var got error
		var conn *Conn
		client.Dial(clock, "ws://server.example.com/chat?room=1", nil).Done(func(c *Conn, err error) { conn, got = c, err })
		a := clock.Attempts()[0]
		if a.Config.Address != "server.example.com:80" {
			t.Errorf("dialed %s", a.Config.Address)
		}
		tr := a.Succeed()
		clock.Advance(0)
		request := tr.Take()
		if !strings.HasPrefix(request, "GET /chat?room=1 HTTP/1.1\r\nHost: server.example.com\r\n") || field(request, "Sec-WebSocket-Version") != "13" ||
			field(request, "Sec-WebSocket-Extensions") != "permessage-deflate; client_max_window_bits" || !validKey(field(request, "Sec-WebSocket-Key")) {
			t.Fatalf("%s: sent %q", tc.name, request)
		}
		accept, extra, upgrade := acceptOf(field(request, "Sec-WebSocket-Key")), "", "websocket"
		switch {
		case strings.HasPrefix(tc.answer, "HTTP") && !strings.HasSuffix(tc.answer, "+"), strings.HasPrefix(tc.answer, "SSH"), tc.answer == "<end>":
		case strings.HasPrefix(tc.answer, "-"):
			accept = tc.answer[1:]
		case strings.HasPrefix(tc.answer, "~"):
			upgrade = tc.answer[1:]
		case strings.HasPrefix(tc.answer, "Sec-"):
			extra = tc.answer
		}
		right := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: " + upgrade + "\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + "\r\n" + extra + "\r\n" + plain(0x81, "first")
		switch answer, ok := strings.CutSuffix(tc.answer, "+"); {
		case ok:
			tr.Receive(answer + right)
		case tc.answer == "<end>":
			tr.End()
		case strings.HasPrefix(tc.answer, "HTTP"), strings.HasPrefix(tc.answer, "SSH"):
			tr.Receive(tc.answer)
		default:
			tr.Receive(right)
		}
		clock.Advance(0)
		if tc.want == "" {
			if got != nil || conn == nil || len(conn.talk.unread) != 1 || conn.talk.unread[0].Text() != "first" {
				t.Errorf("%s: got %v, %v", tc.name, conn, got)
			}
		} else if got == nil || !strings.Contains(got.Error(), tc.want) || !tr.Aborted() && tr.Err() == nil {
			t.Errorf("%s: got error %v, aborted %v; want ... %s", tc.name, got, tr.Aborted(), tc.want)
		}
		leave(clock, tr)
		if n := clock.Pending(); n != 0 {
			t.Errorf("%s: %d timers are left", tc.name, n)
		}
	}
}

// TestClientURLs: what Dial does not take, and says why; nothing of the
// password is in the words.
func TestClientURLs(t *testing.T) {
	for _, url := range []string{"http://host/", "ws:///path", "ws://host/#part", "host", "ws://u:secret@/x", "ws://u:secret@host:bad/", ""} {
		clock := sim.NewClock(t)
		err := sim.Failure(t, Dial(clock, url, nil))
		if err == nil || !strings.HasPrefix(err.Error(), "websocket: dial") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v", url, err)
		}
	}
}

// TestClientGivesUp: a server that does not answer is given up after
// the time limit of web.Client, and a Dial that is cancelled is.
func TestClientGivesUp(t *testing.T) {
	clock := sim.NewClock(t)
	d := Dial(clock, "ws://host/", nil)
	tr := clock.Attempts()[0].Succeed()
	clock.Advance(web.DefaultHeadTimeout - 1)
	sim.NoResult(t, d)
	clock.Advance(1)
	if err := sim.Failure(t, d); err == nil || !tr.Aborted() {
		t.Errorf("got %v, aborted %v", err, tr.Aborted())
	}
	leave(clock, tr)

	d = Dial(clock, "ws://host/", nil)
	tr = clock.Attempts()[0].Succeed()
	clock.Advance(0)
	d.Cancel()
	clock.Advance(0)
	if !tr.Aborted() || clock.Pending() != 0 {
		t.Errorf("cancelled: aborted %v, %d timers left", tr.Aborted(), clock.Pending())
	}
	leave(clock, tr)

	d = Dial(clock, "ws://host/", nil)
	a := clock.Attempts()[0]
	d.Cancel()
	clock.Advance(0)
	if !a.Over() || clock.Pending() != 0 {
		t.Errorf("cancelled before it was connected: over %v, %d timers left", a.Over(), clock.Pending())
	}
}

var _ twistor.Factory = (*web.Server)(nil)

// TestWSS: over TLS, by the settings of a web.Client; a certificate that is not
// known is refused.
func TestWSS(t *testing.T) {
	w := sim.New(t, 0)
	cert := sim.Certificate("server")
	server := w.Host("server").Loop()
	var h *heard
	_, err := server.Listen(twistor.ListenConfig{Network: "tcp", Address: ":443", TLS: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}},
		&web.Server{Handler: hearing(&h)})
	if err != nil {
		t.Fatal(err)
	}
	client := w.Host("client")
	client.Do(func(co *deferred.Co) error {
		cl := &Client{Web: &web.Client{Loop: client.Loop(), TLS: &tls.Config{RootCAs: sim.Roots(cert)}}}
		c, err := cl.Dial(client.Loop(), "wss://server/", nil).Await(co)
		if err != nil {
			return err
		}
		c.WriteText("hello")
		if m, err := c.Read(co); err != nil || m.Text() != "hello" || c.TLS() == nil {
			t.Errorf("got %q, %v, TLS %v", m.Bytes, err, c.TLS())
		}
		c.Close()
		other := &Client{Web: &web.Client{Loop: client.Loop(), TLS: &tls.Config{RootCAs: sim.Roots(sim.Certificate("other"))}}}
		if _, err := other.Dial(client.Loop(), "wss://server/", nil).Await(co); err == nil {
			t.Error("a certificate that nobody knows was taken")
		}
		cl.Web.Close()
		return nil
	})
	w.Advance(time.Second)
}

// TestDialRefused: a build that returns nil.
func TestDialRefused(t *testing.T) {
	w := sim.New(t, 0)
	var h *heard
	w.Host("server").Listen("tcp", ":80", &web.Server{Handler: hearing(&h)})
	client := w.Host("client")
	client.Do(func(co *deferred.Co) error {
		if _, err := Dial(client.Loop(), "ws://server/", func(*Conn) Protocol { return nil }).Await(co); !errors.Is(err, twistor.ErrRefused) {
			t.Errorf("got %v, want ErrRefused", err)
		}
		return nil
	})
}

// TestOutlivesHTTP: the time limits of the web server end with the handshake:
// who answers pings may be silent for an hour, over HTTP/1.1 and HTTP/2.
func TestOutlivesHTTP(t *testing.T) {
	for name, open := range map[string]string{"HTTP/1.1": sampleRequest, "HTTP/2": connect()} {
		var h *heard
		c, tr := site(t, hearing(&h))
		tr.Receive(open)
		c.Advance(0)
		for range 120 {
			c.Advance(DefaultPingInterval)
			pong := masked(0x8A, "")
			if name == "HTTP/2" {
				pong = h2Frame(h2Data, 0, 1, pong)
			}
			tr.Receive(pong)
		}
		if h == nil || h.err != nil || tr.Closed() || tr.Aborted() {
			t.Errorf("%s: ended after %v", name, c.Elapsed())
		}
		leave(c, tr)
	}
}
