package netconn_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/netconn"
	"github.com/twistor-go/twistor/reactor"
)

// A whole http.Handler tree on a reactor's loop, and a client on the same one.
func Example() {
	r := reactor.New(&reactor.Config{Loops: 1})
	ln, err := netconn.Listen(r.Loop(), "tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello from", r.URL.Path)
	}))
	go func() {
		defer r.Stop()
		client := http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return netconn.Dial(ctx, r.Loop(), network, address)
			},
		}}
		answer, err := client.Get("http://" + ln.Addr().String() + "/net/http")
		if err != nil {
			log.Print(err)
			return
		}
		text, _ := io.ReadAll(answer.Body)
		fmt.Print(string(text))
	}()
	if err := r.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// hello from /net/http
}

// Each connection of this port has a goroutine, which may block.
func ExampleFactory() {
	r := reactor.New(&reactor.Config{Loops: 1})
	shout := netconn.Factory(func(c net.Conn) {
		for lines := bufio.NewScanner(c); lines.Scan(); {
			fmt.Fprintln(c, strings.ToUpper(lines.Text()))
		}
	})
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", shout)
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		defer r.Stop()
		c, err := net.Dial("tcp", port.Addr().String())
		if err != nil {
			log.Print(err)
			return
		}
		defer c.Close()
		fmt.Fprintln(c, "hello")
		answer, _ := bufio.NewReader(c).ReadString('\n')
		fmt.Print(answer)
	}()
	if err := r.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// HELLO
}

// An upgrader reads one line as events, and leaves the rest to a goroutine.
type upgrader struct{ twistor.Transport }

func (p *upgrader) Connected()         {}
func (p *upgrader) Disconnected(error) {}
func (p *upgrader) Received(b []byte) {
	line, unread, _ := strings.Cut(string(b), "\n")
	p.Switch(netconn.Go(p.Transport, func(c net.Conn) {
		rest, _ := io.ReadAll(c)
		fmt.Fprintf(c, "%s, then %s", line, rest)
	}), []byte(unread))
}

func ExampleGo() {
	r := reactor.New(&reactor.Config{Loops: 1})
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0",
		twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &upgrader{t} }))
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		defer r.Stop()
		c, err := netconn.Dial(context.Background(), r.Loop(), "tcp", port.Addr().String())
		if err != nil {
			log.Print(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "upgrade\neverything else")
		c.(*netconn.Conn).CloseWrite()
		answer, _ := io.ReadAll(c)
		fmt.Println(string(answer))
	}()
	if err := r.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// upgrade, then everything else
}

// A Protocol over something that is no socket: here the end of a net.Pipe.
func ExampleServe() {
	r := reactor.New(&reactor.Config{Loops: 1})
	here, there := net.Pipe()
	greet := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		fmt.Fprintf(t, "hello over a %s\n", t.RemoteAddr().Network())
		return nil // said, and done
	})
	go func() {
		defer r.Stop()
		text, _ := io.ReadAll(here)
		fmt.Print(string(text))
	}()
	if err := netconn.Serve(r.Loop(), there, greet); err != twistor.ErrRefused {
		log.Print(err)
	}
	if err := r.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// hello over a pipe
}
