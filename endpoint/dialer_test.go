package endpoint_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/sim"
)

// run runs body as a coroutine of a real reactor.
func run(t *testing.T, body func(co *deferred.Co, l twistor.Loop) error) {
	t.Helper()
	r := reactor.New(&reactor.Config{Loops: 1})
	l := r.Loop()
	deferred.Inline(l, func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, body(co, l)
	}).Done(func(_ struct{}, err error) {
		if err != nil {
			t.Error(err)
		}
		r.Stop()
	})
	if err := r.Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// caller is a Factory of clients that say hello and wait for it to come back.
type caller struct{ answered *deferred.Deferred[string] }

func newCaller(l twistor.Loop) *caller { return &caller{deferred.New[string](l)} }

func (f *caller) Build(t twistor.Transport) twistor.Protocol {
	return &calling{Transport: t, caller: f}
}

type calling struct {
	twistor.Transport
	*caller
	heard string
}

func (p *calling) Connected() { p.Write([]byte("hello")) }
func (p *calling) Received(b []byte) {
	if p.heard += string(b); len(p.heard) == len("hello") {
		p.Close()
		p.answered.Succeed(p.heard)
	}
}
func (p *calling) Disconnected(err error) { p.answered.Fail(err) }

// call dials s and waits until hello has come back.
func call(co *deferred.Co, l twistor.Loop, s string) error {
	c := newCaller(l)
	defer c.answered.Cancel()
	p, err := endpoint.Dial(l, s, c).Await(co)
	if err != nil {
		return err
	}
	if _, ok := p.(*calling); !ok {
		return fmt.Errorf("got protocol %T, want the factory's", p)
	}
	_, err = c.answered.Await(co)
	return err
}

// disk writes into a new directory of the real disk, for reactors.
func disk(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, p := range files {
		if err := os.WriteFile(filepath.Join(dir, name), p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// E16, E17, T21, T23, TLS-06: the peer's name is always verified, and against the
// roots that were named, and no others. The first line is the control.
func TestE17PeerIsVerified(t *testing.T) {
	ca, other, clients := newAuthority(t, "ca"), newAuthority(t, "other"), newAuthority(t, "clients")
	cert, key := ca.issue("a.example", "127.0.0.1")
	client, clientKey := clients.issue("client")
	dir := disk(t, map[string][]byte{
		"site.pem": append(cert, key...), "ca.pem": ca.pem, "other.pem": other.pem,
		"client.pem": client, "client.key": clientKey, "clients.pem": clients.pem,
	})
	roots := disk(t, map[string][]byte{"1.pem": []byte("broken"), "2.pem": ca.pem, "3.crt": other.pem})
	only := disk(t, map[string][]byte{"1.pem": []byte("broken"), "3.crt": ca.pem})
	run(t, func(co *deferred.Co, l twistor.Loop) error {
		port, err := endpoint.Listen(l, "tls:127.0.0.1:0:cert="+dir+"/site.pem", &echo{})
		if err != nil {
			return err
		}
		mutual, err := endpoint.Listen(l, "tls:127.0.0.1:0:cert="+dir+"/site.pem:client-ca="+dir+"/clients.pem", &echo{})
		if err != nil {
			return err
		}
		tls := "tls:" + port.Addr().String()
		twoWay := "tls:" + mutual.Addr().String() + ":roots=" + dir + "/ca.pem"
		for _, tt := range []struct{ endpoint, want string }{
			{tls + ":roots=" + dir + "/ca.pem", ""},
			{tls + ":roots=" + dir + "/ca.pem:name=a.example", ""},
			{tls + ":roots=" + roots, ""},
			{tls + ":roots=" + dir + "/ca.pem:min=1.3", ""},
			{tls + ":roots=" + dir + "/ca.pem:name=b.example", "not b.example"},
			{tls + ":roots=" + dir + "/other.pem", "unknown authority"},
			{tls, "unknown authority"},
			{tls + ":roots=" + only, "no certificates in its *.pem"},
			{tls + ":roots=" + dir + "/client.key", "no certificate in it"},
			{tls + ":roots=" + dir + "/none", "no such file"},
			{twoWay + ":cert=" + dir + "/client.pem:key=" + dir + "/client.key", ""},
			{twoWay + ":cert=" + dir + "/client.pem", "client.pem"},
			{twoWay, "certificate required"},
		} {
			err := call(co, l, tt.endpoint)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("%s: got error %v, want none", tt.endpoint, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%s: got error %v, want one with %q", tt.endpoint, err, tt.want)
			}
		}
		return nil
	})
}

// E17, E21: TLS over another endpoint; the Deferred fires with the factory's
// protocol after the handshake, and the host is who is verified.
func TestE17OverAnotherEndpoint(t *testing.T) {
	ca := newAuthority(t, "ca")
	cert, key := ca.issue("a.example", "127.0.0.1")
	dir := disk(t, map[string][]byte{"site.pem": append(cert, key...), "ca.pem": ca.pem})
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	roots := ":roots=" + dir + "/ca.pem"
	run(t, func(co *deferred.Co, l twistor.Loop) error {
		unix := endpoint.Quote("unix:" + endpoint.Quote(dir+"/x=1"))
		if _, err := endpoint.Listen(l, "tls:cert="+dir+"/site.pem:endpoint="+unix, &echo{}); err != nil {
			return err
		}
		inner := policy.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}, twistor.AsServer, &echo{})
		double, err := endpoint.Listen(l, "tls:127.0.0.1:0:cert="+dir+"/site.pem", inner)
		if err != nil {
			return err
		}
		twice := endpoint.Quote("tls:" + double.Addr().String() + roots)
		for _, tt := range []struct{ endpoint, want string }{
			{"tls:a.example" + roots + ":endpoint=" + unix, ""},
			{"tls:b.example" + roots + ":endpoint=" + unix, "not b.example"},
			{"tls:b.example:name=a.example" + roots + ":endpoint=" + unix, ""},
			{"tls:a.example" + roots + ":endpoint=" + twice, ""},
			{"tls:b.example" + roots + ":endpoint=" + twice, "not b.example"},
			{"tls:a.example:endpoint=" + twice, "unknown authority"},
			{"tls:a.example" + roots + ":endpoint=" + endpoint.Quote("unix:/none"), "no such file"},
		} {
			err := call(co, l, tt.endpoint)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("%s: got error %v, want none", tt.endpoint, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%s: got error %v, want one with %q", tt.endpoint, err, tt.want)
			}
		}
		refuse := twistor.FactoryFunc(func(twistor.Transport) twistor.Protocol { return nil })
		_, err = endpoint.Dial(l, "tls:a.example"+roots+":endpoint="+unix, refuse).Await(co)
		if !errors.Is(err, twistor.ErrRefused) {
			t.Errorf("got error %v of a factory that refuses, want %v", err, twistor.ErrRefused)
		}
		return nil
	})
}

// T17: both sides say what they speak, and agree.
func TestT17ALPN(t *testing.T) {
	ca := newAuthority(t, "ca")
	cert, key := ca.issue("127.0.0.1")
	dir := disk(t, map[string][]byte{"site.pem": append(cert, key...), "ca.pem": ca.pem})
	run(t, func(co *deferred.Co, l twistor.Loop) error {
		port, err := endpoint.Listen(l, "tls:127.0.0.1:0:alpn=h2,http/1.1:cert="+dir+"/site.pem", &echo{})
		if err != nil {
			return err
		}
		for alpn, want := range map[string]string{":alpn=http/1.1": "http/1.1", ":alpn=h2": "h2", "": ""} {
			c := newCaller(l)
			p, err := endpoint.Dial(l, "tls:"+port.Addr().String()+":roots="+dir+"/ca.pem"+alpn, c).Await(co)
			if err != nil {
				return err
			}
			if got := p.(*calling).TLS().NegotiatedProtocol; got != want {
				t.Errorf("%q: got protocol %q, want %q", alpn, got, want)
			}
			c.answered.Await(co)
		}
		return nil
	})
}

// E02: cancelling stops the attempt, wherever it is; the time limit counts for
// all of it.
func TestE02CancelAndTimeout(t *testing.T) {
	const over = `tls:a.example:endpoint=tcp\:10.0.0.1\:443\:timeout=none:timeout=5s`
	for _, s := range []string{"tcp:10.0.0.1:443", over} {
		l := sim.NewClock(t)
		d := endpoint.Dial(l, s, &echo{})
		attempt := l.Attempts()[0]
		d.Cancel()
		l.Advance(0)
		if !attempt.Over() {
			t.Errorf("%s: got an attempt going on after Cancel, want none", s)
		}
		if _, err := result(d); !errors.Is(err, deferred.ErrCanceled) {
			t.Errorf("%s: got error %v, want %v", s, err, deferred.ErrCanceled)
		}
	}

	// Connected below, and the handshake never ends.
	l := sim.NewClock(t)
	d := endpoint.Dial(l, over, &echo{})
	tr := l.Attempts()[0].Succeed()
	l.Advance(5 * time.Second)
	if _, err := result(d); !errors.Is(err, deferred.ErrTimeout) || !tr.Aborted() {
		t.Errorf("got error %v, reset %v after timeout=5s, want %v", err, tr.Aborted(), deferred.ErrTimeout)
	}

	l = sim.NewClock(t)
	d = endpoint.Dial(l, over, &echo{})
	tr = l.Attempts()[0].Succeed()
	d.Cancel()
	l.Advance(0)
	if !tr.Aborted() || l.Pending() != 0 {
		t.Errorf("got reset %v, %d timers after Cancel, want the connection gone", tr.Aborted(), l.Pending())
	}

	l = sim.NewClock(t)
	d = endpoint.Dial(l, over, &echo{})
	l.Attempts()[0].Fail(errors.New("refused"))
	if _, err := result(d); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got error %v, want refused", err)
	}
}

// result takes what d has come to; pending is an error.
func result[T any](d *deferred.Deferred[T]) (v T, err error) {
	err = errors.New("it has not fired")
	d.Done(func(got T, failure error) { v, err = got, failure })
	return v, err
}

// E01, E02: a bad string fails the Deferred of Dial and is an error of Listen;
// an address in use too, naming the endpoint. Neither panics.
func TestE01ErrorsOfListenAndDial(t *testing.T) {
	l := sim.NewClock(t)
	if _, err := result(endpoint.Dial(l, "tcp:nowhere", &echo{})); err == nil {
		t.Error("got no error of Dial, want one")
	}
	if _, err := endpoint.Listen(l, "tcp:nowhere", &echo{}); err == nil {
		t.Error("got no error of Listen, want one")
	}
	if _, err := endpoint.ListenPacket(l, "tcp:80", nil); err == nil || !strings.Contains(err.Error(), "it is for streams") {
		t.Errorf("got error %v, want that it is for streams", err)
	}
	if _, err := endpoint.Listen(l, "udp:80", &echo{}); err == nil || !strings.Contains(err.Error(), "it is for packets") {
		t.Errorf("got error %v, want that it is for packets", err)
	}
	if _, err := endpoint.Listen(l, "tcp:127.0.0.1:80", &echo{}); err != nil {
		t.Errorf("got error %v, want none", err)
	}
	_, err := endpoint.Listen(l, "tcp:127.0.0.1:80", &echo{})
	if _, ok := errors.AsType[*net.OpError](err); !ok || !strings.Contains(err.Error(), `endpoint "tcp:127.0.0.1:80"`) {
		t.Errorf("got error %v, want an address in use", err)
	}
}

// E07, E10, E15, E18: what was parsed listens and dials, for packets too.
func TestE07PlacesWork(t *testing.T) {
	dir := t.TempDir()
	run(t, func(co *deferred.Co, l twistor.Loop) error {
		for _, s := range []string{"tcp:127.0.0.1:0", "tcp4:127.0.0.1:0", "unix:" + endpoint.Quote(dir+"/a:b")} {
			port, err := endpoint.Listen(l, s, &echo{})
			if err != nil {
				return err
			}
			to := "unix:" + endpoint.Quote(port.Addr().String())
			if port.Addr().Network() == "tcp" {
				to = "tcp:" + port.Addr().String() + ":bind=127.0.0.1"
			}
			if err := call(co, l, to); err != nil {
				t.Errorf("%s: got error %v", to, err)
			}
		}
		heard := &packets{bound: deferred.New[string](l)}
		if _, err := endpoint.ListenPacket(l, "udp:127.0.0.1:0", heard); err != nil {
			return err
		}
		if got, err := heard.bound.Await(co); err != nil || !strings.HasPrefix(got, "127.0.0.1:") {
			t.Errorf("got %q, error %v, want an address", got, err)
		}
		return nil
	})
}

// ListenEach builds a factory for each loop, with the endpoint's layers around
// each; a loop without siblings serves alone.
func TestE07ListenEach(t *testing.T) {
	r := reactor.New(&reactor.Config{Loops: 2})
	l := r.Loop()
	var built []twistor.Loop
	port, err := endpoint.ListenEach(l, "proxy:tcp:127.0.0.1:0", func(at twistor.Loop) twistor.Factory {
		built = append(built, at)
		return &echo{}
	})
	if err != nil || len(built) != 2 || built[0] == built[1] {
		t.Fatalf("got factories for %v, error %v, want one for each of 2 loops", built, err)
	}
	deferred.Inline(l, func(co *deferred.Co) (struct{}, error) {
		defer r.Stop()
		for range 4 {
			c := newCaller(l)
			p, err := endpoint.Dial(l, "tcp:"+port.Addr().String(), twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
				t.Write([]byte(header1))
				return c.Build(t)
			})).Await(co)
			if err != nil {
				t.Error(err)
				continue
			}
			if got, err := c.answered.Await(co); err != nil || got != "hello" {
				t.Errorf("got %q, error %v, want hello", got, err)
			}
			p.(*calling).Close()
		}
		return struct{}{}, nil
	}).Done(nil)
	if err := r.Run(t.Context()); err != nil {
		t.Error(err)
	}

	alone := sim.NewClock(t)
	if _, err := endpoint.ListenEach(alone, "tcp:80", func(twistor.Loop) twistor.Factory { return &echo{} }); err != nil || len(alone.Ports()) != 1 {
		t.Errorf("got %d ports, error %v, want 1", len(alone.Ports()), err)
	}
	if _, err := endpoint.ListenEach(alone, "tcp:many", nil); err == nil {
		t.Error("got no error of a bad endpoint, want one")
	}
}

type packets struct{ bound *deferred.Deferred[string] }

func (p *packets) Bound(t twistor.PacketTransport)     { p.bound.Succeed(t.Addr().String()) }
func (p *packets) PacketReceived([]byte, twistor.Peer) {}
func (p *packets) Unbound(error)                       {}
