package sim_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim"
)

// A shouter answers each line in capitals, and hangs up on who is silent for
// half a minute.
type shouter struct {
	twistor.Transport
	line  []byte
	timer twistor.Timer
}

func newShouter(t twistor.Transport) twistor.Protocol { return &shouter{Transport: t} }

func (s *shouter) Connected() {
	s.timer = s.Loop().CallLater(30*time.Second, func() { s.Close() })
}
func (s *shouter) Disconnected(error) { s.timer.Stop() }
func (s *shouter) Received(p []byte) {
	s.timer.Reset(30 * time.Second)
	s.line = append(s.line, p...)
	for {
		n, line, _ := bufio.ScanLines(s.line, false)
		if n == 0 {
			return
		}
		fmt.Fprintf(s, "%s\r\n", bytes.ToUpper(line))
		s.line = s.line[n:]
	}
}

func Example() {
	c := sim.NewClock(nil)
	tr := sim.Connect(c, twistor.FactoryFunc(newShouter))
	tr.Receive("hel", "lo\r\n")
	fmt.Printf("%q\n", tr.Written())
	c.Advance(30 * time.Second)
	fmt.Println(tr.Err())
	// Output:
	// "HELLO\r\n"
	// use of closed network connection
}

// A world of each seed cuts and delays bytes in its own way.
func ExampleNew() {
	for seed := range uint64(100) {
		w := sim.New(nil, seed)
		w.Host("server").Listen("tcp", ":7777", twistor.FactoryFunc(newShouter))
		p := w.Host("client").Dial("server:7777")
		p.Play(`
			C: hello
			S: HELLO
			C: anybody th\c
			-- wait 10s
			C: ere?
			S: ANYBODY ...
			-- wait 30s
			S: <close>
		`)
		w.Close()
	}
	fmt.Println("the same over 100 networks")
	// Output: the same over 100 networks
}

func ExampleWorld_Partition() {
	w := sim.New(nil, 0)
	server, client := w.Host("server"), w.Host("client")
	server.Listen("tcp", ":7777", twistor.FactoryFunc(newShouter))
	p := client.Dial("server:7777")
	w.Partition(server, client)
	p.Send("is it you?\r\n")
	w.Advance(10 * time.Second)
	fmt.Printf("parted: %q\n", p.Received())
	w.Heal(server, client)
	fmt.Printf("healed after %v: %q\n", w.Elapsed(), p.Line())
	// Output:
	// parted: ""
	// healed after 10s: "IS IT YOU?"
}

func ExampleNewPipe() {
	c := sim.NewClock(nil)
	var heard strings.Builder
	pipe := sim.NewPipe(c, twistor.FactoryFunc(newShouter),
		twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &listener{t, &heard} }))
	pipe.Cut(42) // parts of any length
	fmt.Fprint(pipe.B, "one\ntwo\n")
	pipe.Flush()
	fmt.Printf("%q\n", heard.String())
	// Output: "ONE\r\nTWO\r\n"
}

// A listener keeps what it hears.
type listener struct {
	twistor.Transport
	heard *strings.Builder
}

func (l *listener) Connected()         {}
func (l *listener) Received(p []byte)  { l.heard.Write(p) }
func (l *listener) Disconnected(error) {}

func ExampleNewTransport() {
	tr := sim.NewTransport(sim.NewClock(nil))
	tr.Start(newShouter(tr))
	tr.Hold() // the other side stops reading
	tr.Receive("hello\n")
	fmt.Println(tr.Buffered(), tr.Full())
	tr.Drain(-1)
	fmt.Println(tr.Buffered(), tr.Full())
	// Output:
	// 7 false
	// 0 false
}

func ExampleNewDisk() {
	now := sim.Epoch
	d := sim.NewDisk(func() time.Time { return now })
	f, err := d.OpenFile("tmp/notes", os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(f, "remember")
	f.Close()
	i, err := d.Stat("/tmp/notes")
	fmt.Println(i.Name(), i.Size(), err)
	// Output: notes 8 <nil>
}
