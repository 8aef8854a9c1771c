package poll_test

import (
	"fmt"
	"io"
	"log"
	"net/netip"

	"github.com/twistor-go/twistor/internal/poll"
)

// An echo, in the way a loop uses a Poller: it waits, and serves what is ready.
func Example() {
	echo(poll.Open)
	// Unordered output:
	// accepted
	// connected
	// server: read "hello"
	// client: read "hello"
	// server: the client has ended
}

// The portable Poller does the same on any system.
func ExampleOpenPortable() {
	echo(poll.OpenPortable)
	// Unordered output:
	// accepted
	// connected
	// server: read "hello"
	// client: read "hello"
	// server: the client has ended
}

func echo(open func() (poll.Poller, error)) {
	p, err := open()
	if err != nil {
		log.Fatal(err)
	}
	defer p.Shut()
	port, err := p.Listen(poll.Spec{Network: "tcp", Addr: poll.Addr{AddrPort: netip.MustParseAddrPort("127.0.0.1:0")}})
	if err != nil {
		log.Fatal(err)
	}
	client, err := p.Dial(poll.Spec{Network: "tcp", Addr: p.LocalAddr(port)})
	if err != nil {
		log.Fatal(err)
	}
	var server poll.Handle
	events, buf, connected := make([]poll.Event, 16), make([]byte, 100), false
	for {
		n, err := p.Wait(events, poll.Never)
		if err != nil {
			log.Fatal(err)
		}
		for _, e := range events[:n] {
			switch {
			case e.Handle == port:
				if sock, _, err := p.Accept(port); err == nil {
					server, _ = p.Adopt(sock, poll.Spec{Network: "tcp"})
					fmt.Println("accepted")
				}
			case e.Handle == client && !connected:
				if err := p.Connected(client); err != nil {
					log.Fatal(err)
				}
				connected = true
				fmt.Println("connected")
				p.Write(client, []byte("hello"))
			case e.Handle == client:
				if n, err := p.Read(client, buf); err == nil {
					fmt.Printf("client: read %q\n", buf[:n])
					p.CloseWrite(client)
				}
			case e.Handle == server:
				n, err := p.Read(server, buf)
				if err == io.EOF {
					fmt.Println("server: the client has ended")
					return
				}
				if err == nil {
					fmt.Printf("server: read %q\n", buf[:n])
					p.Write(server, buf[:n])
				}
			}
		}
	}
}
