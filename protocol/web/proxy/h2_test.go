package proxy_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/internal/h2"
	"github.com/twistor-go/twistor/protocol/web/proxy"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/sim"
)

// V37: HTTP/2 in front and HTTP/1.1 behind: net/http on both sides, many requests at once on one
// connection, with bodies, trailers and answers of unknown length.
func TestV37HTTP2InFront(t *testing.T) {
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Sum")
		w.Header().Set("X-Proto", r.Proto+" "+r.Header.Get("X-Forwarded-Proto")+" "+r.Header.Get("X-Forwarded-Host"))
		fmt.Fprintf(w, "%s %d ", r.URL.RequestURI(), len(body))
		w.(http.Flusher).Flush()
		w.Write(body)
		w.Header().Set("X-Sum", fmt.Sprint(len(body)))
	}))
	defer back.Close()
	ca := certtest.New()
	server := &web.Server{Handler: &proxy.Reverse{To: []string{back.URL}}}
	config := ca.Server("localhost")
	config.NextProtos = server.NextProtos()
	r := reactor.New(nil)
	port, err := r.Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: "127.0.0.1:0", TLS: config}, server)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	defer func() {
		cancel()
		<-done
		r.Close()
	}()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: ca.Client("localhost"), ForceAttemptHTTP2: true}, Timeout: 20 * time.Second}
	errs := make(chan error, 20)
	for i := range 20 {
		go func() {
			errs <- func() error {
				body := strings.Repeat("x", i*10_000)
				resp, err := client.Post(fmt.Sprintf("https://%s/a%%20b?%d", port.Addr(), i), "text/plain", strings.NewReader(body))
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				got, err := io.ReadAll(resp.Body)
				if want := fmt.Sprintf("/a%%20b?%d %d %s", i, len(body), body); string(got) != want || err != nil {
					return fmt.Errorf("%d: got %d bytes %.20q, %v; want %d", i, len(got), got, err, len(want))
				}
				if resp.ProtoMajor != 2 || resp.Trailer.Get("X-Sum") != fmt.Sprint(len(body)) || resp.Header.Get("X-Proto") != "HTTP/1.1 https "+port.Addr().String() {
					return fmt.Errorf("%d: got %s, trailer %v, %q", i, resp.Proto, resp.Trailer, resp.Header.Get("X-Proto"))
				}
				return nil
			}()
		}()
	}
	for range 20 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	client.CloseIdleConnections()
}

// A far is a client of HTTP/2 that asks for a WebSocket.
type far struct {
	t      twistor.Transport
	h2     *h2.Conn
	stream *h2.Stream
	status int
	fields string
	got    strings.Builder
	ended  bool
}

func (f *far) Connected() {
	f.h2 = h2.NewConn(h2.Client, h2.Config{}, new(h2.Pool), f.t, f.t.Loop(), f)
	f.h2.Start()
}
func (f *far) Received(p []byte)    { f.h2.Receive(p) }
func (f *far) Drained()             { f.h2.Drained() }
func (f *far) Disconnected(error)   { f.h2.Disconnected() }
func (f *far) Ended(*h2.Error)      { f.t.Close() }
func (f *far) Relieved()            {}
func (f *far) PongReceived([8]byte) {}
func (f *far) SettingsReceived() {
	if f.stream == nil {
		f.stream, _ = f.h2.Open(h2.Question{Method: "CONNECT", Scheme: "http", Authority: "server", Path: "/chat?a=%zz", Protocol: "websocket", Length: -1}, f)
	}
}
func (f *far) GoAwayReceived(*h2.Error)                  {}
func (f *far) StreamDrained(*h2.Stream)                  {}
func (f *far) TrailerReceived(*h2.Stream, *http1.Header) {}
func (f *far) StreamReset(s *h2.Stream, why h2.Cause)    { f.ended = true; f.h2.Release(s) }
func (f *far) HeaderReceived(_ *h2.Stream, h *h2.Head, end bool) {
	f.status, f.ended = h.Status, end
	f.fields = string(h.Header.AppendTo(nil))
}
func (f *far) DataReceived(s *h2.Stream, p []byte, end bool) {
	f.got.Write(p)
	f.ended = f.ended || end
	f.h2.Consume(s, len(p))
}

// V37: a WebSocket of HTTP/2 (RFC 8441) reaches a back end of HTTP/1.1 as one of RFC 6455, and only
// if that proves to have understood.
func TestV37WebSocketOfHTTP2(t *testing.T) {
	for _, lies := range []bool{false, true} {
		w := sim.New(t, 0)
		var heard string
		w.Host("back").Listen("tcp", ":8080", twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
			return &socket{Transport: tr, lies: lies, heard: &heard}
		}))
		newSite(w, &proxy.Reverse{To: []string{"http://back:8080"}})
		var f *far
		w.Host("client").Loop().Dial(twistor.DialConfig{Network: "tcp", Address: "proxy:80"}, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			f = &far{t: t}
			return f
		})).Done(nil)
		w.Settle()
		if lies {
			if f.status != 502 {
				t.Errorf("a wrong Sec-WebSocket-Accept: got %d, want 502", f.status)
			}
		} else {
			f.h2.SendData(f.stream, []byte("hello\n"), false)
			w.Settle()
			if f.status != 200 || f.got.String() != "early HELLO\n" || strings.Contains(strings.ToLower(f.fields), "sec-websocket-accept") {
				t.Errorf("got %d %q, fields %q", f.status, f.got.String(), f.fields)
			}
			if !strings.HasPrefix(heard, "GET /chat?a=%zz HTTP/1.1\r\n") || !strings.Contains(heard, "Upgrade: websocket\r\n") || !strings.Contains(heard, "Connection: Upgrade\r\n") {
				t.Errorf("the back end heard %q", heard)
			}
		}
		f.t.Abort()
		w.Advance(2 * time.Minute)
		w.Errors()
	}
}

// A socket is a back end that switches to WebSocket, and then answers in capitals.
type socket struct {
	twistor.Transport
	lies     bool
	heard    *string
	switched bool
}

func (s *socket) Connected()         {}
func (s *socket) Disconnected(error) {}
func (s *socket) Received(p []byte) {
	if s.switched {
		s.Write([]byte(strings.ToUpper(string(p))))
		return
	}
	*s.heard += string(p)
	if !strings.HasSuffix(*s.heard, "\r\n\r\n") {
		return
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(*s.heard)))
	if err != nil {
		panic(err)
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if s.lies {
		sum[0]++
	}
	s.switched = true
	fmt.Fprintf(s, "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\nearly ", base64.StdEncoding.EncodeToString(sum[:]))
}
