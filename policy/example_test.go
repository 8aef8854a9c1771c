package policy_test

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/sim"
)

// A parrot repeats what it hears: the server of these examples.
type parrot struct{ twistor.Transport }

func (p parrot) Connected()             {}
func (p parrot) Received(b []byte)      { p.Write(b) }
func (p parrot) Disconnected(err error) { fmt.Println("gone:", err) }

var parrots = twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return parrot{t} })

// Policies stack; the outermost is nearest to the network.
func Example() {
	f := &policy.Caps{
		Total:   1,
		Refusal: "421 Come back later\r\n",
		Factory: &policy.Timeouts{Idle: time.Minute, Factory: parrots},
	}
	clock := sim.NewClock(nil)
	first := sim.Connect(clock, f)
	second := sim.Connect(clock, f)
	fmt.Print(strings.TrimSpace(second.Written()), "\n")

	first.Receive("hello")
	fmt.Println(first.Written())
	clock.Advance(time.Minute)
	// Output:
	// 421 Come back later
	// hello
	// gone: policy: idle for 1m0s
}

// A shouting layer changes what the protocol above it writes.
type shouting struct{ policy.Wrapper }

func (w *shouting) Write(p []byte) (int, error) {
	return w.Wrapper.Write([]byte(strings.ToUpper(string(p))))
}

func ExampleWrap() {
	f := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return policy.Wrap(new(shouting), t, parrots)
	})
	client := sim.Connect(sim.NewClock(nil), f)
	client.Receive("hello")
	fmt.Println(client.Written())
	// Output: HELLO
}

// A shell asks for a password; who does not know it within half a minute has
// to go, however busily he types.
type shell struct{ twistor.Transport }

func (s shell) Connected() { io.WriteString(s, "password? ") }
func (s shell) Received(p []byte) {
	if string(p) == "sesame\n" {
		policy.Admit(s.Transport)
		io.WriteString(s, "welcome ")
	}
}
func (s shell) Disconnected(err error) { fmt.Println(err) }

func ExampleTimeouts() {
	f := &policy.Timeouts{Login: 30 * time.Second, Factory: twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return shell{t}
	})}
	clock := sim.NewClock(nil)
	honest, other := sim.Connect(clock, f), sim.Connect(clock, f)
	for range 40 {
		clock.Advance(time.Second)
		honest.Receive("sesame\n")
		other.Receive("guess\n")
	}
	fmt.Println(honest.Closed(), other.Closed())
	// Output:
	// policy: login for 30s
	// false true
}

// A patient protocol says goodbye itself when nothing comes.
type patient struct {
	twistor.Transport
	policy.Idle
}

func (p *patient) Connected() {
	p.SetTimeout(p, time.Minute, func() { io.WriteString(p, "421 Idle for a minute"); p.Close() })
}
func (p *patient) Received([]byte)    { p.ResetTimeout() }
func (p *patient) Disconnected(error) { p.SetTimeout(p, 0, nil) }

func ExampleIdle() {
	clock := sim.NewClock(nil)
	client := sim.Connect(clock, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return &patient{Transport: t}
	}))
	clock.Advance(30 * time.Second)
	client.Receive("still here")
	clock.Advance(time.Minute)
	fmt.Println(client.Written())
	// Output: 421 Idle for a minute
}

func ExampleCaps() {
	f := &policy.Caps{PerHost: 2, Refusal: "421 Too many of you", Factory: parrots}
	clock := sim.NewClock(nil)
	for range 3 {
		client := sim.Connect(clock, f) // all from one address
		fmt.Printf("%q\n", client.Written())
	}
	fmt.Printf("%+v\n", f.Counts())
	// Output:
	// ""
	// ""
	// "421 Too many of you"
	// {Open:2 Unauthenticated:2 Hosts:1 Refused:1}
}

func ExampleThrottle() {
	f := &policy.Throttle{
		EachWrite: policy.Rate{PerSecond: 1000},
		Factory:   parrots,
	}
	clock := sim.NewClock(nil)
	client := sim.Connect(clock, f)
	client.Receive(strings.Repeat("x", 5000))
	for range 4 {
		fmt.Println(len(client.Written()))
		clock.Advance(time.Second)
	}
	// Output:
	// 1000
	// 2000
	// 3000
	// 4000
}

// Two services share a line, and each host has no more than its part of it,
// over both.
func ExampleBuckets() {
	line := &policy.Bucket{Rate: policy.Rate{PerSecond: 10 << 20}}
	hosts := &policy.Buckets{Rate: policy.Rate{PerSecond: 1 << 20}, Parent: line}
	web := &policy.Throttle{HostWrite: hosts, Factory: parrots}
	ftp := &policy.Throttle{HostWrite: hosts, Factory: parrots}

	clock := sim.NewClock(nil)
	sim.Connect(clock, web)
	sim.Connect(clock, ftp)
	fmt.Println(hosts.Len(), "host")
	// Output: 1 host
}

func ExampleBudget() {
	f := &policy.Budget{MaxBytes: 1000, Factory: parrots}
	clock := sim.NewClock(nil)
	slow, quick := sim.Connect(clock, f), sim.Connect(clock, f)
	slow.Hold() // reads nothing
	for range 11 {
		slow.Receive(strings.Repeat("s", 100))
		quick.Receive(strings.Repeat("q", 100))
	}
	fmt.Println(f.Shed(), "shed,", len(quick.Written()), "bytes to the other")
	// Output:
	// gone: policy: outbound budget: twistor: peer reads too slowly: use of closed network connection
	// 1 shed, 1100 bytes to the other
}

func ExampleLog() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.TimeKey, "proto", "peer", "local":
				return slog.Attr{} // for the example
			}
			return a
		},
	}))
	f := &policy.Log{Logger: logger, Factory: twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return shell{t}
	})}
	client := sim.Connect(sim.NewClock(nil), f)
	client.Receive("guess\n")
	// Output:
	// level=INFO msg="policy: connected"
	// level=INFO msg="policy: wrote" bytes=10 data="\"password? \""
	// level=INFO msg="policy: received" bytes=6 data="\"guess\\n\""
}

// A forwarder: what comes in goes to another place, and the reverse.
type forwarder struct {
	twistor.Transport
	to string
}

func (f forwarder) Connected() {
	f.Pause() // until the other side is there
	twistor.Dial(f.Loop(), "tcp", f.to, func(t twistor.Transport) *landing {
		return &landing{t}
	}).Done(func(far *landing, err error) {
		if err != nil {
			f.Abort()
			return
		}
		policy.Pipe(f.Transport, far.Transport)
	})
}
func (f forwarder) Received([]byte)    {}
func (f forwarder) Disconnected(error) {}

// A landing is the protocol of a dialed connection until it is piped.
type landing struct{ twistor.Transport }

func (landing) Connected()         {}
func (landing) Received([]byte)    {}
func (landing) Disconnected(error) {}

func ExamplePipe() {
	clock := sim.NewClock(nil)
	near, far := sim.NewTransport(clock), sim.NewTransport(clock)
	near.Start(landing{near}) // as if one had been accepted
	far.Start(landing{far})   // and the other dialed

	policy.Pipe(near, far).Done(func(got policy.Traffic, _ error) { fmt.Printf("%+v\n", got) })
	clock.Advance(0)
	near.Receive("ping")
	far.Receive("pong!")
	near.End() // passed on; the other direction goes on
	far.Receive("bye")
	far.End()
	clock.Advance(0)
	fmt.Println(far.Written(), near.Written())
	// Output:
	// {AToB:4 BToA:8 Err:<nil>}
	// ping pong!bye
}

func ExampleTLS() {
	ca := certtest.New()
	server := policy.TLS(ca.Server("parrot.test"), twistor.AsServer, parrots)
	client := policy.TLS(ca.Client("parrot.test"), twistor.AsClient, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return caller{t}
	}))
	clock := sim.NewClock(nil)
	pipe := sim.NewPipe(clock, server, client) // any transport will do
	clock.Advance(time.Second)
	fmt.Println(strings.Contains(pipe.B.Written(), "hello"))
	// Output:
	// parrot.test says hello
	// false
}

// A caller says hello, and shows the answer.
type caller struct{ twistor.Transport }

func (c caller) Connected()         { io.WriteString(c, "hello") }
func (c caller) Received(p []byte)  { fmt.Printf("%s says %s\n", c.TLS().ServerName, p) }
func (c caller) Disconnected(error) {}
