package h2

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/twistor-go/twistor/framing/http1"
)

// https://www.rfc-editor.org/rfc/rfc9113#section-3.4
func TestRFC9113_3_4_Preface(t *testing.T) {
	r := newRig(t, Server, Config{})
	r.c.Receive([]byte("GET / HTTP/1.1\r\n"))
	r.gone("HTTP/1", ProtocolError)
	for name, first := range map[string]func(fr *http2.Framer){
		"PING":         func(fr *http2.Framer) { fr.WritePing(false, [8]byte{}) },
		"SETTINGS ack": func(fr *http2.Framer) { fr.WriteSettingsAck() },
	} {
		r = newRig(t, Server, Config{})
		r.in.WriteString(Preface)
		first(r.fr)
		r.feed()
		r.gone(name+" first", ProtocolError)
	}
}

// https://www.rfc-editor.org/rfc/rfc9113#section-4.2 and the lengths of section 6
func TestRFC9113_4_2_FrameSize(t *testing.T) {
	for _, c := range []struct {
		kind   http2.FrameType
		stream uint32
		n      int
		want   Code
	}{
		{http2.FrameData, 1, maxFrame + 1, FrameSizeError},
		{http2.FrameHeaders, 1, maxFrame + 1, FrameSizeError},
		{http2.FrameRSTStream, 1, 3, FrameSizeError},
		{http2.FrameSettings, 0, 5, FrameSizeError},
		{http2.FramePing, 0, 7, FrameSizeError},
		{http2.FrameGoAway, 0, 7, FrameSizeError},
		{http2.FrameWindowUpdate, 1, 3, FrameSizeError},
		{http2.FrameContinuation, 1, 3, ProtocolError},
		{http2.FramePushPromise, 1, 3, ProtocolError},
		{http2.FramePriority, 0, 5, ProtocolError},
		{http2.FrameRSTStream, 0, 4, ProtocolError},
		{http2.FrameData, 0, 4, ProtocolError},
		{http2.FrameHeaders, 0, 4, ProtocolError},
		{http2.FrameHeaders, 2, 4, ProtocolError},
		{http2.FrameSettings, 1, 0, ProtocolError},
		{http2.FramePing, 1, 8, ProtocolError},
		{http2.FrameGoAway, 1, 8, ProtocolError},
		{http2.FrameWindowUpdate, 0, 4, ProtocolError}, // an increment of 0
		{0x10, 1, 4, ProtocolError},                    // PRIORITY_UPDATE
		{0x10, 0, 3, FrameSizeError},
	} {
		r := serving(t, Config{})
		r.serve = func(s *Stream, h *Head, end bool) {}
		r.headers(1, false, r.post())
		r.feed()
		r.out.Reset()
		r.fr.WriteRawFrame(c.kind, 0, c.stream, make([]byte, c.n))
		r.feed()
		r.gone(fmt.Sprintf("%v of %d bytes on %d", c.kind, c.n, c.stream), c.want)
	}
}

// https://www.rfc-editor.org/rfc/rfc9113#section-5.1: every frame in every
// state. What a stream has been through is written before the slash.
func TestRFC9113_5_1_States(t *testing.T) {
	bring := map[string]func(r *rig){
		"idle":        func(r *rig) {},
		"open":        func(r *rig) { r.headers(1, false, r.post()) },
		"remoteEnded": func(r *rig) { r.headers(1, true, r.post()) },
		"localEnded": func(r *rig) {
			r.headers(1, false, r.post())
			r.feed()
			r.hello(r.streams[0])
		},
		"closed": func(r *rig) {
			r.headers(1, true, r.post())
			r.feed()
			r.hello(r.streams[0])
		},
		"reset by the peer": func(r *rig) {
			r.headers(1, true, r.post())
			r.fr.WriteRSTStream(1, http2.ErrCodeCancel)
		},
		"reset by us": func(r *rig) {
			r.headers(1, true, r.post())
			r.feed()
			r.c.Reset(r.streams[0], Cancel)
			r.release(r.streams[0])
		},
	}
	send := map[string]func(r *rig){
		"HEADERS":       func(r *rig) { r.headers(1, true, r.encode("a", "b")) },
		"DATA":          func(r *rig) { r.fr.WriteData(1, true, []byte("x")) },
		"RST_STREAM":    func(r *rig) { r.fr.WriteRSTStream(1, http2.ErrCodeCancel) },
		"WINDOW_UPDATE": func(r *rig) { r.fr.WriteWindowUpdate(1, 1) },
		"PRIORITY":      func(r *rig) { r.fr.WritePriority(1, http2.PriorityParam{StreamDep: 3}) },
	}
	const all, one, malformed = "GOAWAY 1 ", "RST_STREAM 1 STREAM_CLOSED\n", "RST_STREAM 1 PROTOCOL_ERROR\n"
	for state, want := range map[string]map[string]string{
		"idle": {"HEADERS": malformed, "DATA": "GOAWAY 0 PROTOCOL_ERROR\n", "RST_STREAM": "GOAWAY 0 PROTOCOL_ERROR\n",
			"WINDOW_UPDATE": "GOAWAY 0 PROTOCOL_ERROR\n", "PRIORITY": ""},
		"open":              {"HEADERS": "", "DATA": "", "RST_STREAM": "", "WINDOW_UPDATE": "", "PRIORITY": ""},
		"remoteEnded":       {"HEADERS": one, "DATA": one, "RST_STREAM": "", "WINDOW_UPDATE": "", "PRIORITY": ""},
		"localEnded":        {"HEADERS": "", "DATA": "", "RST_STREAM": "", "WINDOW_UPDATE": "", "PRIORITY": ""},
		"closed":            {"HEADERS": all + "STREAM_CLOSED\n", "DATA": one, "RST_STREAM": "", "WINDOW_UPDATE": "", "PRIORITY": ""},
		"reset by the peer": {"HEADERS": all + "STREAM_CLOSED\n", "DATA": one, "RST_STREAM": "", "WINDOW_UPDATE": "", "PRIORITY": ""},
		"reset by us":       {"HEADERS": "", "DATA": "", "RST_STREAM": "", "WINDOW_UPDATE": "", "PRIORITY": ""},
	} {
		for frame, want := range want {
			r := serving(t, Config{})
			r.serve = func(s *Stream, h *Head, end bool) {}
			bring[state](r)
			r.feed()
			r.said()
			send[frame](r)
			r.feed()
			if got := r.said(); got != want {
				t.Errorf("%s on a stream that is %s: got %q, want %q", frame, state, got, want)
			}
		}
	}
}

// https://www.rfc-editor.org/rfc/rfc9113#section-5.1.1
func TestRFC9113_5_1_1_StreamNumbers(t *testing.T) {
	r := serving(t, Config{})
	r.headers(5, true, r.get())
	r.headers(3, true, r.get())
	r.feed()
	r.gone("a lower number", StreamClosed)
}

// https://www.rfc-editor.org/rfc/rfc9113#section-5.1.2: too many are refused so
// that they may be sent again, and cost nothing else.
func TestRFC9113_5_1_2_Concurrency(t *testing.T) {
	r := serving(t, Config{MaxStreams: 2})
	r.serve = func(s *Stream, h *Head, end bool) {}
	for i := range 3 {
		r.headers(uint32(2*i+1), true, r.get("x", "indexed"))
	}
	r.feed()
	r.wants("the third", "RST_STREAM 5 REFUSED_STREAM")
	r.hello(r.streams[0])
	r.headers(7, true, r.get("x", "indexed"))
	r.feed()
	if n := len(r.streams); n != 2 {
		t.Errorf("%d streams are served, want 2", n)
	}
}

// https://www.rfc-editor.org/rfc/rfc9113#section-6.9: the peer may send as much
// as it was told, padding included, and more when it was consumed.
func TestRFC9113_6_9_Windows(t *testing.T) {
	config := Config{StreamWindowBytes: 1, ConnWindowBytes: 1} // that is, 65,535
	full := func(config Config) *rig {
		r := serving(t, config)
		r.hold = true
		r.serve = func(s *Stream, h *Head, end bool) {}
		r.headers(1, false, r.post())
		for range 3 {
			r.fr.WriteData(1, false, make([]byte, maxFrame))
		}
		r.fr.WriteDataPadded(1, false, make([]byte, maxFrame-1-255), make([]byte, 254))
		r.feed()
		r.said()
		return r
	}
	r := full(config)
	r.c.Consume(r.streams[0], 20_000)
	r.wants("less than half")
	r.c.Consume(r.streams[0], 20_000)
	// The 255 bytes of padding were consumed by themselves.
	r.wants("more than half", "WINDOW_UPDATE 0 40255", "WINDOW_UPDATE 1 40255")
	r = full(config)
	r.fr.WriteData(1, false, []byte("x"))
	r.feed()
	r.gone("one byte more", FlowControlError)
	r = full(Config{StreamWindowBytes: 1})
	r.fr.WriteData(1, false, []byte("x"))
	r.feed()
	r.wants("one byte more on the stream", "RST_STREAM 1 FLOW_CONTROL_ERROR")
	// What nobody will read any more is given back: the connection goes on.
	for i := range 20 {
		r.headers(uint32(2*i+3), false, r.post())
		for range 4 {
			r.fr.WriteData(uint32(2*i+3), false, make([]byte, maxFrame-1))
		}
		r.feed()
		r.release(r.streams[0])
	}
	if r.over {
		t.Errorf("control: the window of the connection was not given back: %v", r.ended)
	}
}

// https://www.rfc-editor.org/rfc/rfc9113#section-6.8: two steps, and nothing is
// lost between them.
func TestRFC9113_6_8_Shutdown(t *testing.T) {
	r := serving(t, Config{})
	r.serve = func(s *Stream, h *Head, end bool) {}
	r.headers(1, true, r.get())
	r.feed()
	r.c.Shutdown()
	r.wants("a warning", "GOAWAY 2147483647 NO_ERROR", fmt.Sprintf("PING %x", goAwayPing))
	r.headers(3, true, r.get())
	r.fr.WritePing(true, goAwayPing)
	r.headers(5, true, r.get())
	r.feed()
	r.wants("the end", "GOAWAY 3 NO_ERROR")
	if len(r.streams) != 2 {
		t.Errorf("%d streams are served, want those of before the end: 2", len(r.streams))
	}
	r.hello(r.streams[0])
	if r.over {
		t.Error("it ended before its last answer")
	}
	r.hello(r.streams[0])
	if !r.over || r.ended != nil {
		t.Errorf("after the last answer: over %v, %v", r.over, r.ended)
	}

	r = serving(t, Config{})
	r.c.Shutdown()
	r.clock.Advance(time.Second)
	r.wants("who does not answer", "GOAWAY 2147483647 NO_ERROR", fmt.Sprintf("PING %x", goAwayPing), "GOAWAY 0 NO_ERROR")
	if !r.over {
		t.Error("a quiet connection goes on after Shutdown")
	}
}

// https://www.rfc-editor.org/rfc/rfc9113#section-6.8: requests that the server
// has not looked at may be sent elsewhere.
func TestRFC9113_6_8_GoAwayReceived(t *testing.T) {
	r := asking(t, Config{})
	for range 3 {
		r.c.Open(Question{Method: "GET", Scheme: "http", Authority: "a", Path: "/", Length: -1, End: true}, nil)
	}
	r.fr.WriteGoAway(3, http2.ErrCodeNo, []byte("bye\x1b"))
	r.feed()
	r.keep = func(*Stream) {}
	r.heardAll("GOAWAY", "5 reset NO_ERROR remote=true unprocessed=true", "goaway NO_ERROR bye?")
	if _, err := r.c.Open(Question{Method: "GET"}, nil); err != ErrEnded || r.c.Room() != 0 {
		t.Errorf("after GOAWAY Open returns %v, want ErrEnded", err)
	}
}

// https://www.rfc-editor.org/rfc/rfc9113#section-5.1.2, a client's side
func TestRFC9113_5_1_2_ClientRoom(t *testing.T) {
	r := asking(t, Config{}, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1})
	q := Question{Method: "GET", Scheme: "http", Authority: "a", Path: "/", Length: -1, End: true}
	s, err := r.c.Open(q, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.c.Open(q, nil); err != ErrFull || r.c.Room() != 0 {
		t.Errorf("a second: got %v, want ErrFull", err)
	}
	r.c.Release(s)
	r.wants("one that nobody wants", "HEADERS 1 :method=GET :scheme=http :path=/ :authority=a end", "RST_STREAM 1 CANCEL")
	if r.c.Room() != 1 {
		t.Error("there is no room after it")
	}
}

// H2-10: requests that are malformed are reset, and never reach a handler.
// https://www.rfc-editor.org/rfc/rfc9113#section-8.1.1
func TestH2_10Malformed(t *testing.T) {
	usual := []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a.test"}
	with := func(more ...string) []string { return append(usual[:len(usual):len(usual)], more...) }
	for name, fields := range map[string][]string{
		"no :method":                {":scheme", "http", ":path", "/", ":authority", "a"},
		"no :scheme":                {":method", "GET", ":path", "/", ":authority", "a"},
		"no :path":                  {":method", "GET", ":scheme", "http", ":authority", "a"},
		"no :authority and no host": {":method", "GET", ":scheme", "http", ":path", "/"},
		"two :method":               with(":method", "GET"),
		"two :path":                 with(":path", "/"),
		"an empty :path":            {":method", "GET", ":scheme", "http", ":path", "", ":authority", "a"},
		"a :path without slash":     {":method", "GET", ":scheme", "http", ":path", "a", ":authority", "a"},
		"* for GET":                 {":method", "GET", ":scheme", "http", ":path", "*", ":authority", "a"},
		":path with a space":        {":method", "GET", ":scheme", "http", ":path", "/a b", ":authority", "a"},
		":path with CR LF":          {":method", "GET", ":scheme", "http", ":path", "/\r\nX: y", ":authority", "a"},
		":path with a fragment":     {":method", "GET", ":scheme", "http", ":path", "/#a", ":authority", "a"},
		":method with a space":      {":method", "GET /x", ":scheme", "http", ":path", "/", ":authority", "a"},
		":scheme of files":          {":method", "GET", ":scheme", "file", ":path", "/", ":authority", "a"},
		":authority with a user":    {":method", "GET", ":scheme", "http", ":path", "/", ":authority", "u@a"},
		":authority with CR":        {":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a\r"},
		"host that differs":         with("host", "b.test"),
		"two hosts":                 {":method", "GET", ":scheme", "http", ":path", "/", "host", "a", "host", "a"},
		"pseudo after regular":      {":method", "GET", ":scheme", "http", "a", "b", ":path", "/", ":authority", "a"},
		"an unknown pseudo":         with(":x", "y"),
		"a response's pseudo":       with(":status", "200"),
		"upper case":                with("X-A", "b"),
		"a name with a space":       with("x a", "b"),
		"a name with a colon":       with("x:", "b"),
		"an empty name":             with("", "b"),
		"a value with LF":           with("x", "a\nb"),
		"a value with NUL":          with("x", "a\x00b"),
		"a value with space before": with("x", " a"),
		"a value with tab behind":   with("x", "a\t"),
		"connection":                with("connection", "close"),
		"transfer-encoding":         with("transfer-encoding", "chunked"),
		"keep-alive":                with("keep-alive", "1"),
		"proxy-connection":          with("proxy-connection", "close"),
		"upgrade":                   with("upgrade", "h2c"),
		"te: gzip":                  with("te", "gzip"),
		"content-length: x":         with("content-length", "x"),
		"content-length: +1":        with("content-length", "+1"),
		"two content-lengths":       with("content-length", "0", "content-length", "1"),
		"content-length, no body":   with("content-length", "1"),
		"CONNECT with :path":        {":method", "CONNECT", ":path", "/", ":authority", "a:1"},
		"CONNECT without a port":    {":method", "CONNECT", ":authority", "a"},
		":protocol for GET":         with(":protocol", "websocket"),
	} {
		r := serving(t, Config{Connect: true})
		r.headers(1, true, r.encode(fields...))
		r.headers(3, true, r.get())
		r.feed()
		r.wants(name, "RST_STREAM 1 PROTOCOL_ERROR", "HEADERS 3 :status=200 content-length=5", "DATA 3 hello end")
		r.heardAll(name, "3 GET http://a.test/ true")
	}
	for name, fields := range map[string][]string{
		"te: trailers":       with("te", "trailers"),
		"host that is equal": with("host", "A.test"),
		"host only":          {":method", "GET", ":scheme", "http", ":path", "/", "host", "a.test"},
		"OPTIONS *":          {":method", "OPTIONS", ":scheme", "http", ":path", "*", ":authority", "a"},
		"CONNECT":            {":method", "CONNECT", ":authority", "a:1"},
		"extended CONNECT":   {":method", "CONNECT", ":scheme", "http", ":path", "/x?y", ":authority", "a", ":protocol", "websocket"},
		"an empty value":     with("x", ""),
		"content-length: 0":  with("content-length", "0"),
	} {
		r := serving(t, Config{Connect: true})
		r.headers(1, true, r.encode(fields...))
		r.feed()
		r.wants("control: "+name, "HEADERS 1 :status=200 content-length=5", "DATA 1 hello end")
	}
}

// H2-10: a body is as long as its Content-Length, and trailers are fields only.
func TestH2_10Body(t *testing.T) {
	for name, send := range map[string]func(r *rig){
		"shorter":              func(r *rig) { r.fr.WriteData(1, true, []byte("ab")) },
		"shorter, by trailers": func(r *rig) { r.fr.WriteData(1, false, []byte("ab")); r.headers(1, true, r.encode("a", "b")) },
		"longer":               func(r *rig) { r.fr.WriteData(1, false, []byte("abcd")) },
		"a pseudo-header":      func(r *rig) { r.fr.WriteData(1, false, []byte("abc")); r.headers(1, true, r.encode(":path", "/")) },
		"no END_STREAM":        func(r *rig) { r.fr.WriteData(1, false, []byte("abc")); r.headers(1, false, r.encode("a", "b")) },
	} {
		r := serving(t, Config{})
		r.serve = func(s *Stream, h *Head, end bool) {}
		r.headers(1, false, r.post("content-length", "3"))
		send(r)
		r.feed()
		r.wants(name, "RST_STREAM 1 PROTOCOL_ERROR")
		if last := r.events[len(r.events)-1]; !strings.HasPrefix(last, "1 reset PROTOCOL_ERROR") {
			t.Errorf("%s: the owner heard %q last", name, last)
		}
	}
}

// H2-10: answers are held to the same rules.
func TestH2_10Answers(t *testing.T) {
	for name, send := range map[string]func(r *rig){
		"no :status":        func(r *rig) { r.headers(1, true, r.encode("a", "b")) },
		":status of words":  func(r *rig) { r.headers(1, true, r.encode(":status", "2xx")) },
		":status 99":        func(r *rig) { r.headers(1, true, r.encode(":status", "099")) },
		"101":               func(r *rig) { r.headers(1, false, r.encode(":status", "101")) },
		"an interim end":    func(r *rig) { r.headers(1, true, r.encode(":status", "103")) },
		":path":             func(r *rig) { r.headers(1, true, r.encode(":status", "200", ":path", "/")) },
		"DATA first":        func(r *rig) { r.fr.WriteData(1, true, []byte("x")) },
		"transfer-encoding": func(r *rig) { r.headers(1, true, r.encode(":status", "200", "transfer-encoding", "chunked")) },
		"shorter": func(r *rig) {
			r.headers(1, false, r.encode(":status", "200", "content-length", "3"))
			r.fr.WriteData(1, true, []byte("x"))
		},
	} {
		r := asking(t, Config{})
		r.c.Open(Question{Method: "GET", Scheme: "http", Authority: "a", Path: "/", Length: -1, End: true}, nil)
		r.said()
		send(r)
		r.feed()
		r.wants(name, "RST_STREAM 1 PROTOCOL_ERROR")
	}
	for _, method := range []string{"HEAD", "GET"} { // a length, and no body: right for the first
		r := asking(t, Config{})
		r.c.Open(Question{Method: method, Scheme: "http", Authority: "a", Path: "/", Length: -1, End: true}, nil)
		r.said()
		r.headers(1, true, r.encode(":status", "200", "content-length", "3"))
		r.feed()
		if got, want := strings.HasPrefix(r.events[0], "1 status 200"), method == "HEAD"; got != want {
			t.Errorf("%s: %v", method, r.events)
		}
	}
}

// Trailers wait for the data before them, also where windows stop it.
func TestTrailersComeLast(t *testing.T) {
	r := serving(t, Config{})
	r.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 3})
	r.serve = func(s *Stream, h *Head, end bool) {
		var trailer http1.Header
		trailer.Add("X-Sum", "7")
		r.c.Inform(s, 103, &trailer)
		r.c.Answer(s, Answer{Status: 200, Length: -1})
		r.c.SendShared(s, []byte("abcdef"), false)
		r.c.SendData(s, []byte("ghi"), false)
		r.c.SendTrailer(s, &trailer)
		if err := r.c.SendData(s, []byte("x"), false); err != ErrEnded {
			t.Errorf("after the trailers: %v, want ErrEnded", err)
		}
		r.release(s)
	}
	r.headers(1, true, r.get())
	r.feed()
	r.wants("a window of 3", "SETTINGS ack", "HEADERS 1 :status=103 x-sum=7", "HEADERS 1 :status=200", "DATA 1 abc")
	r.fr.WriteWindowUpdate(1, 100)
	r.feed()
	r.wants("the rest", "DATA 1 def", "DATA 1 ghi", "HEADERS 1 x-sum=7 end")
}

// Streams that wait for the connection's window are served in turn.
func TestStreamsTakeTurns(t *testing.T) {
	r := serving(t, Config{})
	r.serve = func(s *Stream, h *Head, end bool) {
		r.c.Answer(s, Answer{Status: 200, Length: -1})
		r.c.SendData(s, []byte(strings.Repeat("x", 3*maxFrame)), true)
	}
	for i := range 3 {
		r.headers(uint32(2*i+1), true, r.get())
	}
	r.feed()
	r.said()
	r.fr.WriteWindowUpdate(0, 6*maxFrame)
	r.feed()
	r.wants("what the first has left of the window", "DATA 3 16384 bytes", "DATA 5 16384 bytes", "DATA 3 16384 bytes", "DATA 5 16384 bytes",
		"DATA 3 x end", "DATA 5 16384 bytes end")
}

// An answer that does not want the body lets the client finish it, to 256 KiB.
func TestBodyThatNobodyWants(t *testing.T) {
	r := serving(t, Config{})
	r.headers(1, false, r.post())
	r.fr.WriteData(1, false, make([]byte, 1000))
	r.fr.WriteData(1, true, make([]byte, 1000))
	r.headers(3, false, r.post("content-length", "1000000"))
	r.headers(5, false, r.post())
	r.feed()
	r.wants("a short one; a long one that said so",
		"HEADERS 1 :status=200 content-length=5", "DATA 1 hello end",
		"HEADERS 3 :status=200 content-length=5", "DATA 3 hello end", "RST_STREAM 3 NO_ERROR",
		"HEADERS 5 :status=200 content-length=5", "DATA 5 hello end")
	for range 17 {
		r.fr.WriteData(5, false, make([]byte, maxFrame))
		r.fr.WriteData(3, false, make([]byte, maxFrame)) // on its way before it knew
	}
	r.feed()
	if said := r.said(); strings.Count(said, "RST_STREAM") != 1 || !strings.Contains(said, "RST_STREAM 5 NO_ERROR\n") {
		t.Errorf("a long one that did not: got\n%s", said)
	}
	if r.over || r.c.budget.resets != 0 {
		t.Errorf("it was taken for a fault: %v %d", r.ended, r.c.budget.resets)
	}
	r.headers(7, false, r.post())
	r.feed()
	r.said()
	r.clock.Advance(11 * time.Second)
	r.wants("one that does not go on", "RST_STREAM 7 NO_ERROR")
}

// https://www.rfc-editor.org/rfc/rfc8441#section-3: without the setting
// :protocol is a pseudo-header field that nobody knows.
func TestRFC8441_NotOffered(t *testing.T) {
	for _, offered := range []bool{false, true} {
		r := serving(t, Config{Connect: offered})
		r.headers(1, false, r.encode(":method", "CONNECT", ":scheme", "http", ":path", "/", ":authority", "a", ":protocol", "websocket"))
		r.feed()
		if reset := r.said() == "RST_STREAM 1 PROTOCOL_ERROR\n"; reset == offered {
			t.Errorf("offered %v: reset %v", offered, reset)
		}
	}
}

// https://www.rfc-editor.org/rfc/rfc8441#section-3 and 4
func TestRFC8441_ExtendedConnect(t *testing.T) {
	r := asking(t, Config{})
	q := Question{Method: "CONNECT", Scheme: "https", Authority: "a", Path: "/chat", Protocol: "websocket", Length: -1}
	if _, err := r.c.Open(q, nil); err != ErrNoConnect {
		t.Errorf("without the setting: %v, want ErrNoConnect", err)
	}
	r = asking(t, Config{}, http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1})
	s, err := r.c.Open(q, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.c.SendData(s, []byte("hi"), false)
	r.wants("with it", "HEADERS 1 :method=CONNECT :scheme=https :path=/chat :authority=a :protocol=websocket", "DATA 1 hi")
}

// The transport is full: nothing more is written but what it was asked before,
// and the rest when it has drained.
func TestTransportFull(t *testing.T) {
	r := serving(t, Config{})
	r.out.high = 100
	r.serve = func(s *Stream, h *Head, end bool) {
		r.c.Answer(s, Answer{Status: 200, Length: -1, Body: []byte(strings.Repeat("x", 200)), End: true})
		r.release(s)
	}
	r.headers(1, true, r.get())
	r.headers(3, true, r.get())
	r.feed()
	r.wants("a full transport", "HEADERS 1 :status=200", "DATA 1 200 bytes end", "HEADERS 3 :status=200")
	r.c.Drained()
	r.wants("when it has drained", "DATA 3 200 bytes end")
}
