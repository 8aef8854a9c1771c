package sim

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
)

// A recorder keeps what its connections heard; answer, if set, is called for
// what was received.
type recorder struct {
	twistor.Transport
	got    []byte
	begun  int
	ends   []error
	answer func(r *recorder, p []byte)
}

func (r *recorder) Connected() { r.begun++ }
func (r *recorder) Received(p []byte) {
	if r.begun != 1 || len(r.ends) > 0 || len(p) == 0 {
		panic(fmt.Sprintf("Received %d bytes: %d times connected, ended with %v", len(p), r.begun, r.ends))
	}
	r.got = append(r.got, p...)
	if r.answer != nil {
		r.answer(r, p)
	}
}
func (r *recorder) Disconnected(err error) { r.ends = append(r.ends, err) }

// record listens for one recorder.
func listenRecorder(h *Host, address string, answer func(r *recorder, p []byte)) *recorder {
	r := &recorder{answer: answer}
	h.Listen("tcp", address, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		if r.Transport == nil {
			r.Transport = t
			return r
		}
		return &recorder{Transport: t, answer: answer}
	}))
	return r
}

// dialRecorder connects one.
func dialRecorder(h *Host, address string, answer func(r *recorder, p []byte)) *recorder {
	r := &recorder{answer: answer}
	h.Loop().Dial(twistor.DialConfig{Network: "tcp", Address: address},
		twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			r.Transport = t
			return r
		})).Done(func(_ twistor.Protocol, err error) {
		if err != nil {
			h.world.t.Errorf("dial %s: %v", address, err)
		}
	})
	h.world.Run(func() bool { return r.begun > 0 })
	return r
}

// openSockets is how many sockets the world's hosts have open, ports apart.
func openSockets(w *World) (n int) {
	for _, h := range w.hosts {
		n += len(h.conns)
	}
	return n
}

// TestF03HalfOpen proves F-03 in simulation: a peer that vanishes without a
// word ends the connection within 90 s, whether we wait or write.
func TestF03HalfOpen(t *testing.T) {
	for _, tc := range []struct {
		name       string
		vanish     func(w *World, server, client *Host)
		writes     bool
		at, before time.Duration
	}{
		{"idle, partition", func(w *World, a, b *Host) { w.Partition(a, b) }, false, 60 * time.Second, 90 * time.Second},
		{"writing, partition", func(w *World, a, b *Host) { w.Partition(a, b) }, true, 30 * time.Second, 31 * time.Second},
		{"idle, one way", func(w *World, a, b *Host) { w.PartitionOneWay(b, a) }, false, 60 * time.Second, 90 * time.Second},
		{"idle, power cut", func(w *World, a, b *Host) { b.Crash() }, false, 60 * time.Second, 90 * time.Second},
		{"writing, power cut", func(w *World, a, b *Host) { b.Crash() }, true, 30 * time.Second, 31 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := New(t, 0)
			server, client := w.Host("server"), w.Host("client")
			r := listenRecorder(server, ":7", nil)
			c := dialRecorder(client, "server:7", nil)
			tc.vanish(w, server, client)
			if tc.writes {
				fmt.Fprint(r, "anybody?")
			}
			from := w.Elapsed()
			w.Run(func() bool { return len(r.ends) > 0 })
			if got := w.Elapsed() - from; got < tc.at || got > tc.before {
				t.Errorf("ended after %v, want from %v to %v", got, tc.at, tc.before)
			}
			if err := r.ends[0]; !errors.Is(err, syscall.ETIMEDOUT) {
				t.Errorf("ended with %v, want ETIMEDOUT", err)
			}
			if !client.down {
				c.Abort()
			}
			w.Advance(2 * time.Minute)
			if n := openSockets(w); n != 0 || len(r.ends) != 1 {
				t.Errorf("%d sockets left, ends %v", n, r.ends)
			}
		})
	}
}

// TestF03Control is the positive control: a link that is only idle lives on.
func TestF03Control(t *testing.T) {
	w := New(t, 0)
	r := listenRecorder(w.Host("server"), ":7", nil)
	c := dialRecorder(w.Host("client"), "server:7", nil)
	w.Advance(24 * time.Hour)
	w.Partition(w.Host("server"), w.Host("client"))
	w.Advance(20 * time.Second)
	fmt.Fprint(c, "late")
	w.Advance(20 * time.Second)
	w.Heal(w.Host("server"), w.Host("client"))
	w.Run(func() bool { return string(r.got) == "late" })
	if len(r.ends)+len(c.ends) > 0 {
		t.Errorf("ended with %v, %v", r.ends, c.ends)
	}
	c.Close()
}

// TestF04ResetAtEveryEvent proves F-04 in simulation: whenever the connection is
// reset, each side hears so once, after what had come before, and nothing is
// left.
func TestF04ResetAtEveryEvent(t *testing.T) {
	exchange := func(t *testing.T, at int) (events int) {
		w := New(t, 0)
		w.Net.MSS = 1460
		w.Net.Latency = time.Millisecond
		server := listenRecorder(w.Host("server"), ":7", func(r *recorder, p []byte) { r.Write(p) })
		sent := bytes.Repeat([]byte("0123456789abcdef"), 64<<10/16)
		client := dialRecorder(w.Host("client"), "server:7", nil)
		client.Write(sent)
		w.play(1<<62, func() bool { return w.Events() >= at || len(client.got) == len(sent) })
		events = w.Events()
		var end *conn
		for _, c := range w.Host("server").conns {
			end = c
		}
		had := append([]byte(nil), end.in...)
		before := len(server.got)
		end.breakBoth()
		w.Settle()
		for name, r := range map[string]*recorder{"server": server, "client": client} {
			if len(r.ends) != 1 {
				t.Fatalf("event %d: %s ended %d times: %v", at, name, len(r.ends), r.ends)
			}
			if !errors.Is(r.ends[0], syscall.ECONNRESET) && !errors.Is(r.ends[0], syscall.EPIPE) {
				t.Errorf("event %d: %s ended with %v, want ECONNRESET or EPIPE", at, name, r.ends[0])
			}
			if !bytes.HasPrefix(sent, r.got) {
				t.Errorf("event %d: %s got bytes that were never sent", at, name)
			}
		}
		if !bytes.Equal(server.got[before:], had) {
			t.Errorf("event %d: %d bytes delivered of %d that had come before the reset", at, len(server.got)-before, len(had))
		}
		if n := openSockets(w); n > 0 {
			t.Errorf("event %d: %d sockets left", at, n)
		}
		return events
	}
	last := exchange(t, 1<<30)
	step := 1
	if testing.Short() || raceEnabled {
		step = 7
	}
	for at := 1; at <= last; at += step {
		exchange(t, at)
	}
}

// TestF04DataThenReset: bytes that came just before the reset are delivered.
func TestF04DataThenReset(t *testing.T) {
	Seeds(t, 30, func(t *testing.T, w *World) {
		r := listenRecorder(w.Host("server"), ":7", nil)
		p := w.Host("client").Dial("server:7")
		p.Send("last words")
		w.Run(func() bool { return p.Unacked() == 0 })
		p.Reset()
		w.Run(func() bool { return len(r.ends) > 0 })
		w.Settle()
		if string(r.got) != "last words" || len(r.ends) != 1 || !errors.Is(r.ends[0], syscall.ECONNRESET) {
			t.Errorf("got %q, %v", r.got, r.ends)
		}
	})
}

// A bridge forwards one connection to another, both ways, each end on its own.
type bridge struct {
	twistor.Transport
	other *bridge
	wait  [][]byte
	ended bool
}

func (b *bridge) Connected() {
	for _, p := range b.wait {
		b.Write(p)
	}
	if b.other != nil && b.other.ended {
		b.CloseWrite()
	}
}
func (b *bridge) Received(p []byte) {
	if b.other.Transport == nil {
		b.other.wait = append(b.other.wait, bytes.Clone(p))
		return
	}
	b.other.Write(p)
	if b.other.Full() {
		b.Pause()
	}
}
func (b *bridge) Drained() { b.other.Resume() }
func (b *bridge) ReadClosed() {
	b.ended = true
	if b.other.Transport != nil {
		b.other.CloseWrite()
	}
}
func (b *bridge) Disconnected(error) {}

// TestF05HalfClose proves F-05 in simulation: through a forwarder, each
// direction arrives whole and ends on its own, whichever ends first.
func TestF05HalfClose(t *testing.T) {
	size := 256 << 10
	if testing.Short() || raceEnabled {
		size = 32 << 10
	}
	for seed := range uint64(12) {
		w := New(t, seed)
		w.Net.MSS = max(w.Net.MSS, 536) // bytes one by one take their time
		w.Net.SendBuffer = max(w.Net.SendBuffer, 4096)
		w.Net.ReceiveBuffer = max(w.Net.ReceiveBuffer, 4096)
		w.Patience = time.Hour
		target := w.Host("target").Accepting(":9")
		middle := w.Host("middle")
		middle.Listen("tcp", ":8", twistor.FactoryFunc(func(in twistor.Transport) twistor.Protocol {
			a := &bridge{Transport: in}
			a.other = &bridge{other: a}
			middle.Loop().Dial(twistor.DialConfig{Network: "tcp", Address: "target:9"},
				twistor.FactoryFunc(func(out twistor.Transport) twistor.Protocol {
					a.other.Transport = out
					return a.other
				})).Done(nil)
			return a
		}))
		client := w.Host("client").Dial("middle:8")
		server := target.Accept()
		up, down := payload(1, size), payload(2, size/2)
		client.Send(up)
		client.CloseWrite()
		w.Run(func() bool { return server.Gone() })
		if got := server.Take(); sum(got) != sum(up) {
			t.Fatalf("seed %d: %d bytes up, want %d", seed, len(got), len(up))
		}
		server.Send(down) // after the other direction has ended
		server.CloseWrite()
		w.Run(func() bool { return client.Gone() })
		if got := client.Take(); sum(got) != sum(down) {
			t.Fatalf("seed %d: %d bytes down, want %d", seed, len(got), len(down))
		}
		w.Settle()
		if n := middle.Reactor().Stats().Connections; n != 0 {
			t.Errorf("seed %d: %d connections left in the middle", seed, n)
		}
		w.Close()
	}
}

// payload is n bytes that do not repeat soon.
func payload(seed uint64, n int) string {
	b := make([]byte, n)
	io.ReadFull(entropy(seed, "payload"), b)
	return string(b)
}

func sum(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// TestF09PartialWrites proves F-09 in simulation: with calls that move a few
// bytes, buffers and segments of any size, an echo gives back what it got.
func TestF09PartialWrites(t *testing.T) {
	size := 1 << 20
	if testing.Short() || raceEnabled {
		size = 64 << 10
	}
	for seed := range uint64(16) {
		w := New(t, seed)
		w.Patience = 24 * time.Hour
		w.Net.ShortWrite, w.Net.ShortRead = 0.9, 0.5
		total := size
		if w.Net.MSS > 0 && w.Net.MSS < 100 || w.Net.SendBuffer > 0 && w.Net.SendBuffer < 100 ||
			w.Net.ReceiveBuffer > 0 && w.Net.ReceiveBuffer < 100 {
			total = size / 256 // nearly byte by byte
		}
		h := sha256.New()
		server := w.Host("server")
		server.Listen("tcp", ":7", twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			return &gentleEcho{Transport: t}
		}))
		p := w.Host("client").Dial("server:7")
		text := payload(seed, total)
		p.Send(text)
		for got := 0; got < total; {
			w.Run(func() bool { return len(p.got) > 0 || p.Gone() })
			if p.Gone() {
				t.Fatalf("seed %d: ended after %d bytes: %v", seed, got, p.err)
			}
			part := p.Take()
			io.WriteString(h, part)
			got += len(part)
		}
		if [32]byte(h.Sum(nil)) != sum(text) {
			t.Errorf("seed %d: the echo differs", seed)
		}
		p.Close()
		w.Close()
	}
}

// A gentleEcho stops reading while its own output waits.
type gentleEcho struct{ twistor.Transport }

func (e *gentleEcho) Connected()         {}
func (e *gentleEcho) Disconnected(error) {}
func (e *gentleEcho) Drained()           { e.Resume() }
func (e *gentleEcho) Received(p []byte) {
	if e.Write(p); e.Full() {
		e.Pause()
	}
}

// TestF10SpuriousReadiness proves F-10 in simulation: readiness that is not
// there has no visible effect. What a protocol hears must be the same with it
// and without.
func TestF10SpuriousReadiness(t *testing.T) {
	talk := func(spurious float64) (heard string) {
		w := New(t, 0)
		w.Net.Spurious = spurious
		w.Net.Latency = 10 * time.Millisecond
		e := &Ear{On: func(e *Ear, event string) {
			if strings.HasPrefix(event, "received") {
				fmt.Fprint(e, event)
			}
		}}
		w.Host("server").Listen("tcp", ":7", e)
		p := w.Host("client").Dial("server:7")
		for i := range 50 {
			p.Send(fmt.Sprint("message ", i))
			w.Advance(time.Duration(i%7) * 5 * time.Millisecond)
		}
		w.Settle()
		p.Close()
		w.Settle()
		return fmt.Sprint(e.Events, p.Take())
	}
	want := talk(0)
	for _, spurious := range []float64{0.3, 1} {
		if got := talk(spurious); got != want {
			t.Errorf("with spurious readiness %v:\n got %s\nwant %s", spurious, got, want)
		}
	}
	if !strings.Contains(want, "message 49") {
		t.Errorf("control: got %s", want)
	}
}

// TestF11StaleEvents proves F-11 in simulation: slots are reused at once, and
// no connection ever hears another's bytes.
func TestF11StaleEvents(t *testing.T) {
	seeds := 60
	if testing.Short() || raceEnabled {
		seeds = 10
	}
	for seed := range uint64(seeds) {
		w := New(t, seed)
		w.Net.ShuffleTies = true
		w.Net.Latency = 5 * time.Millisecond
		w.Net.Bandwidth, w.Net.MSS, w.Net.SendBuffer, w.Net.ReceiveBuffer = 0, 0, 0, 0
		w.Host("server").Listen("tcp", ":7", echoes)
		client := w.Host("client")
		var all []*keeper
		for i := range 100 {
			k := &keeper{secret: fmt.Sprintf("<%d>", i)}
			all = append(all, k)
			client.Loop().Dial(twistor.DialConfig{Network: "tcp", Address: "server:7"},
				twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
					k.Transport = t
					return k
				})).Done(nil)
			w.Advance(upTo(w.chance, 20*time.Millisecond))
			for _, k := range all { // while their bytes are under way, and before the next dial
				if k.Transport != nil && w.chance.IntN(8) == 0 {
					k.Abort()
				}
			}
		}
		w.Advance(time.Second)
		echoed := 0
		for _, k := range all {
			if k.wrong > 0 {
				t.Errorf("seed %d: %s heard another's bytes", seed, k.secret)
			}
			echoed += k.right
			if k.Transport != nil {
				k.Abort()
			}
		}
		if echoed == 0 {
			t.Errorf("seed %d: control: nobody heard anything", seed)
		}
		w.Close()
	}
}

// A keeper says its secret again and again, and must hear nothing else.
type keeper struct {
	twistor.Transport
	secret string
	heard  string
	right  int
	wrong  int
}

func (k *keeper) Connected()         { io.WriteString(k, k.secret) }
func (k *keeper) Disconnected(error) {}
func (k *keeper) Received(p []byte) {
	k.heard += string(p)
	if !strings.HasPrefix(k.secret, k.heard) {
		k.wrong++
	}
	if k.heard == k.secret {
		k.heard = ""
		k.right++
		io.WriteString(k, k.secret)
	}
}

// TestHavoc lets connections come, talk and go while dials are refused,
// connections reset, accepts and handshakes fail, and links part. Each ends, with
// an error or in order, exactly once; when it calms down, honest clients are
// served; and the World finds nothing left behind.
func TestHavoc(t *testing.T) {
	seeds := 100
	if testing.Short() || raceEnabled {
		seeds = 20
	}
	for seed := range uint64(seeds) {
		w := New(t, seed)
		w.Net = Havoc(seed)
		w.Net.MSS = max(w.Net.MSS, 100)
		server, client := w.Host("server"), w.Host("client")
		var all []*recorder
		serve := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			r := &recorder{Transport: t, answer: func(r *recorder, p []byte) { r.Write(p) }}
			all = append(all, r)
			return r
		})
		server.Listen("tcp", ":7", serve)
		if _, err := server.Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: ":8",
			TLS: &tls.Config{Certificates: []tls.Certificate{Certificate("server")}}}, serve); err != nil {
			t.Fatal(err)
		}
		dials, over := 0, 0
		for i := range 20 {
			config := twistor.DialConfig{Network: "tcp", Address: "server:7"}
			if i%4 == 0 {
				config = twistor.DialConfig{Network: "tcp", Address: "server:8", TLS: &tls.Config{ServerName: "server"}}
			}
			dials++
			client.Loop().Dial(config, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
				r := &recorder{Transport: t}
				all = append(all, r)
				io.WriteString(t, payload(seed, 100*i))
				t.Loop().CallLater(time.Second, func() { t.Close() })
				return r
			})).Done(func(twistor.Protocol, error) { over++ })
			w.Advance(100 * time.Millisecond)
			if i == 10 {
				w.Partition(server, client)
			}
			if i == 13 {
				w.Heal(server, client)
			}
		}
		w.Advance(5 * time.Minute)
		w.Net = Net{}
		p := client.Dial("server:7")
		p.Send("honest")
		p.Expect("honest")
		p.Close()
		w.Settle()
		if over != dials {
			t.Errorf("seed %d: %d of %d dials ended", seed, over, dials)
		}
		for i, r := range all {
			if r.begun > 1 || len(r.ends) != r.begun {
				t.Errorf("seed %d: protocol %d: %d times Connected, ends %v", seed, i, r.begun, r.ends)
			}
		}
		for _, err := range w.Errors() {
			if strings.Contains(err.Error(), "panic") {
				t.Errorf("seed %d: %v", seed, err)
			}
		}
		w.Close()
		if t.Failed() {
			return
		}
	}
}

var _ net.Error = wait("")
