package service_test

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

type greeter struct{ twistor.Transport }

func (g *greeter) Connected()         { fmt.Fprintln(g, "hello") }
func (g *greeter) Received([]byte)    {}
func (g *greeter) Disconnected(error) {}
func (g *greeter) Dismissed() {
	fmt.Fprintln(g, "good-bye")
	g.Close()
}

// run starts s, calls meanwhile, and stops s.
func run(clock *sim.Clock, s service.Service, meanwhile func()) {
	begin := deferred.Inline(clock, func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, s.Start(co, service.On(clock))
	})
	begin.Done(func(_ struct{}, err error) {
		if err != nil {
			fmt.Println("it does not start:", err)
		}
	})
	clock.Advance(0)
	meanwhile()
	end := deferred.Inline(clock, func(co *deferred.Co) (struct{}, error) { return struct{}{}, s.Stop(co) })
	end.Done(func(_ struct{}, err error) { fmt.Println("stopped:", err) })
	clock.Advance(time.Minute)
}

// Two ports that start and stop together.
func Example() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	greet := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &greeter{t} })
	g := new(service.Group)
	g.Add("public", service.Listen("tcp:8001", greet))
	g.Add("private", service.ListenAll([]string{"tcp:8002:host=127.0.0.1", "unix:/tmp/greet"}, greet))

	program := deferred.Inline(clock, func(co *deferred.Co) (struct{}, error) {
		if err := g.Start(co, service.On(clock)); err != nil {
			return struct{}{}, err
		}
		if err := co.Sleep(time.Hour); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, g.Stop(co)
	})
	program.Done(func(_ struct{}, err error) { fmt.Println("stopped:", err) })
	clock.Advance(0)
	client := clock.Ports()[2].Accept()
	clock.Advance(2 * time.Hour)
	fmt.Print(client.Written())
	// Output:
	// stopped: <nil>
	// hello
	// good-bye
}

// A Group may change while it runs, and says how its members are doing.
func ExampleGroup() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	greet := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &greeter{t} })
	g := new(service.Group)
	g.Add("a", service.Listen("tcp:8001", greet))
	run(clock, g, func() {
		g.Add("b", service.Listen("tcp:8002", greet)).Done(func(_ struct{}, err error) { fmt.Println("b has started:", err) })
		g.Remove("a").Done(func(_ struct{}, err error) { fmt.Println("a is out:", err) })
		clock.Advance(0)
		for _, s := range g.Status() {
			fmt.Println(s)
		}
	})
	// Output:
	// b has started: <nil>
	// a is out: <nil>
	// b: running
	// stopped: <nil>
}

// A Factory for each loop: what it counts is its own loop's.
func ExampleListenEach() {
	clock := sim.NewClock(nil) // it has one loop
	defer clock.Close()
	s := service.ListenEach("tcp:8001", func(at twistor.Loop) twistor.Factory {
		visits := 0
		return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			visits++
			fmt.Println("visit", visits)
			return &greeter{t}
		})
	})
	run(clock, s, func() {
		port := clock.Ports()[0]
		port.Accept()
		fmt.Print(port.Accept().Written())
	})
	// Output:
	// visit 1
	// visit 2
	// hello
	// stopped: <nil>
}

// A daytime answers every datagram with the time.
type daytime struct{ twistor.PacketTransport }

func (d *daytime) Bound(t twistor.PacketTransport) { d.PacketTransport = t }
func (d *daytime) Unbound(error)                   {}
func (d *daytime) PacketReceived(_ []byte, from twistor.Peer) {
	d.Send([]byte(d.Loop().Now().Format(time.TimeOnly)), from)
}

func ExampleListenPacket() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	run(clock, service.ListenPacket("udp:13", &daytime{}), func() {
		port := clock.PacketPorts()[0]
		clock.Advance(time.Hour)
		port.Receive("", twistor.Peer{})
		clock.Advance(0)
		fmt.Println(port.Take()[0].Bytes)
	})
	// Output:
	// 01:00:00
	// stopped: <nil>
}

func ExampleDial() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	greet := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &greeter{t} })
	run(clock, service.Dial("tcp:irc.example.com:6667", greet), func() {
		fmt.Print(clock.Attempts()[0].Succeed().Written())
		clock.Advance(0)
	})
	// Output:
	// hello
	// stopped: <nil>
}

// The connection is there again after a failure, and after it was lost.
func ExampleDialer() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	d := &service.Dialer[*greeter]{
		Endpoint: "tcp:db.example.com:5432",
		Build:    func(t twistor.Transport) *greeter { return &greeter{t} },
		Backoff:  service.Backoff{Jitter: -1},
	}
	run(clock, d, func() {
		clock.Attempts()[0].Fail(errors.New("connection refused"))
		d.WhenConnected().Done(func(g *greeter, err error) { fmt.Println("connected to", g.RemoteAddr(), err) })
		fmt.Println(d.State())
		clock.Advance(time.Second)
		conn := clock.Attempts()[0].Succeed()
		clock.Advance(time.Minute)
		conn.Reset()
		fmt.Println(d.State())
		clock.Advance(time.Second)
		clock.Attempts()[0].Succeed()
		clock.Advance(0)
		fmt.Println(d.State())
	})
	// Output:
	// dials tcp:db.example.com:5432 again in 1s, failures in a row: 1: dial tcp: connection refused
	// connected to 10.0.0.1:5432 <nil>
	// dials tcp:db.example.com:5432 again in 1s, failures in a row: 1: read tcp 10.0.0.2:49152->10.0.0.1:5432: connection reset by peer
	// connected to tcp:db.example.com:5432
	// stopped: <nil>
}

func ExampleEvery() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	s := service.Every(10*time.Minute, func(co *deferred.Co) error {
		fmt.Println("saved at", clock.Elapsed())
		return nil
	})
	run(clock, s, func() { clock.Advance(25 * time.Minute) })
	// Output:
	// saved at 10m0s
	// saved at 20m0s
	// stopped: <nil>
}

func ExampleCooperator() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	c := &service.Cooperator{}
	sum := 0
	var add iter.Seq[struct{}] = func(yield func(struct{}) bool) {
		for i := range 1000 {
			if sum += i; !yield(struct{}{}) {
				return
			}
		}
	}
	run(clock, c, func() {
		c.Run(add).Done(func(_ struct{}, err error) { fmt.Println(sum, err) })
		clock.Advance(0)
	})
	// Output:
	// 499500 <nil>
	// stopped: <nil>
}

// A feed breaks a second after it has started.
type feed struct{ clock *sim.Clock }

func (f feed) Start(_ *deferred.Co, h service.Host) error {
	fmt.Println("start at", f.clock.Elapsed())
	h.Loop().CallLater(time.Second, func() { service.Fail(h, errors.New("no more news")) })
	return nil
}
func (f feed) Stop(*deferred.Co) error { return nil }

// Three times it is started anew at once; then the delays begin.
func ExampleSupervisor() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	s := &service.Supervisor{Service: feed{clock}, Backoff: service.Backoff{Min: 10 * time.Second, Jitter: -1}}
	run(clock, s, func() {
		clock.Advance(5 * time.Second)
		fmt.Println(s.State())
		clock.Advance(9 * time.Second)
	})
	// Output:
	// start at 0s
	// start at 1s
	// start at 2s
	// start at 3s
	// starts anew in 9s after 3 restarts: no more news
	// start at 14s
	// stopped: <nil>
}

// Two services that share nothing with the rest of the program may each have a
// loop of their own.
func ExampleApart() {
	world := sim.New(nil, 1)
	defer world.Close()
	host := world.Host("server")
	host.LoopCount = 2
	home := host.Loop()
	s := service.Apart(service.Every(time.Second, func(co *deferred.Co) error {
		fmt.Println("at home:", co.Loop() == deferred.Loop(home))
		return nil
	}))
	host.Do(func(co *deferred.Co) error { return s.Start(co, service.On(home)) })
	world.Advance(time.Second)
	host.Do(s.Stop)
	// Output:
	// at home: false
}

// A hanging service does not stop by itself.
type hanging struct{}

func (hanging) Start(*deferred.Co, service.Host) error { return nil }
func (hanging) Stop(co *deferred.Co) error             { return co.Sleep(time.Hour) }

// The one that hangs has most of the time; the other has a second.
func ExampleStopWithin() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	g := new(service.Group)
	g.Add("a", service.Every(time.Hour, func(*deferred.Co) error { return nil }))
	g.Add("b", hanging{})
	stop := deferred.Inline(clock, func(co *deferred.Co) (struct{}, error) {
		if err := g.Start(co, service.On(clock)); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, service.StopWithin(co, g, 20*time.Second)
	})
	stop.Done(func(_ struct{}, err error) { fmt.Println("after", clock.Elapsed(), err) })
	clock.Advance(time.Minute)
	// Output:
	// after 19s b: did not stop within 19s: deferred: timeout
}
