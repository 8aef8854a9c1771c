package endpoint_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/sim"
)

// A balancer at 10.0.0.2 speaks for a client: the protocol sees the client.
func Example() {
	loop := sim.NewClock(nil)
	greet := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		fmt.Fprintf(t, "hello, %s\n", t.RemoteAddr())
		return nil
	})
	port, err := endpoint.Listen(loop, "proxy:tcp:127.0.0.1:8080", greet)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("listening at", port.Addr())

	balancer := loop.Ports()[0].Accept()
	balancer.Receive("PROXY TCP4 192.0.2.1 192.0.2.2 56324 8080\r\n")
	fmt.Print(balancer.Written())
	// Output:
	// listening at 127.0.0.1:8080
	// hello, 192.0.2.1:56324
}

func ExampleListen() {
	loop := sim.NewClock(nil)
	echo := &echo{}
	for _, s := range []string{"tcp:8080", "unix:/run/echo:mode=660", "tcp:70000", "tpc:80"} {
		if port, err := endpoint.Listen(loop, s, echo); err != nil {
			fmt.Println(err)
		} else {
			fmt.Println(port.Addr().Network(), port.Addr())
		}
	}
	// Output:
	// tcp 0.0.0.0:8080
	// unix /run/echo
	// endpoint "tcp:70000": port: want a number from 0 to 65535
	// endpoint "tpc:80": unknown type "tpc": did you mean tcp? want one of tcp, tcp4, tcp6, tls, unix, udp, udp4, udp6, unixgram, stdio, fd, systemd, proxy
}

// One port, and a factory for each loop of the reactor.
func ExampleListenEach() {
	loop := sim.NewClock(nil) // which is alone
	port, err := endpoint.ListenEach(loop, "tcp:8080", func(at twistor.Loop) twistor.Factory {
		fmt.Println("a factory for", len(at.Siblings()), "loop")
		return &echo{}
	})
	fmt.Println(port.Addr(), err)
	// Output:
	// a factory for 1 loop
	// 0.0.0.0:8080 <nil>
}

// A directory of certificates, one for each server name.
func ExampleCertificates() {
	loop := sim.NewClock(nil)
	loop.FS().Mkdir("/certificates", 0o700)
	for _, name := range []string{"a.example", "*.b.example"} {
		cert := sim.Certificate(name)
		key, _ := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
		f, err := loop.FS().OpenFile("/certificates/"+name+".pem", os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			fmt.Println(err)
			return
		}
		pem.Encode(f, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
		pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: key})
		f.Close()
	}

	certificates := &endpoint.Certificates{Dir: "/certificates"} // the same as tls:443:sni=/certificates
	config, err := certificates.Load(loop)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"a.example", "www.b.example", "c.example"} {
		chosen, _ := config.GetConfigForClient(&tls.ClientHelloInfo{ServerName: name})
		if len(chosen.Certificates) == 0 {
			fmt.Println(name, "has none")
		} else {
			fmt.Println(name, "has that of", chosen.Certificates[0].Leaf.DNSNames[0])
		}
	}
	// Output:
	// a.example has that of a.example
	// www.b.example has that of *.b.example
	// c.example has none
}

func ExampleListenPacket() {
	loop := sim.NewClock(nil)
	var p twistor.PacketProtocol = &resolver{}
	if _, err := endpoint.ListenPacket(loop, "udp:127.0.0.1:53", p); err != nil {
		fmt.Println(err)
	}
	// Output:
	// answering at 127.0.0.1:53
}

type resolver struct{}

func (*resolver) Bound(t twistor.PacketTransport)     { fmt.Println("answering at", t.Addr()) }
func (*resolver) PacketReceived([]byte, twistor.Peer) {}
func (*resolver) Unbound(error)                       {}

func ExampleDial() {
	loop := sim.NewClock(nil)
	dialed := endpoint.Dial(loop, "tls:example.com:443:alpn=http/1.1", &echo{})
	dialed.Done(func(p twistor.Protocol, err error) { fmt.Println(p != nil, err) })

	attempt := loop.Attempts()[0]
	fmt.Println(attempt.Config.Address, "verified as", attempt.Config.TLS.ServerName)
	attempt.Succeed()
	// Output:
	// example.com:443 verified as example.com
	// true <nil>
}

// A path with colons is one argument.
func ExampleQuote() {
	s := "unix:" + endpoint.Quote("/run/web:8080") + ":mode=660"
	n, err := endpoint.ParseListener(s)
	fmt.Println(s)
	fmt.Println(n.Config.Address, n.Config.Mode, err)
	// Output:
	// unix:/run/web\:8080:mode=660
	// /run/web:8080 -rw-rw---- <nil>
}

// A service that has a port opened by somebody else, or on every loop, takes
// the data of the endpoint.
func ExampleListener_Prepare() {
	loop, factory := sim.NewClock(nil), &echo{}
	n, err := endpoint.ParseListener("proxy:tcp:8080:backlog=128")
	if err != nil {
		fmt.Println(err)
		return
	}
	if n, err = n.Prepare(loop); err != nil { // reads certificates, if there are any
		fmt.Println(err)
		return
	}
	port, err := loop.Listen(n.Config, n.Wrap(factory))
	fmt.Println(port.Addr(), n.Config.Backlog, err)
	// Output:
	// 0.0.0.0:8080 128 <nil>
}

// A program adds the type "local", a port of this host only.
func ExampleRegistry() {
	r := endpoint.Standard()
	r.Listeners = append(r.Listeners, endpoint.Kind[endpoint.Listener]{
		Name: "local", Usage: "local:PORT", Words: []string{"port"},
		Parse: func(a *endpoint.Args) (*endpoint.Listener, error) {
			port := a.Number("port", 0, 65535, 0)
			return a.Listener(fmt.Sprintf("tcp:127.0.0.1:%d", port))
		},
	})
	port, err := r.Listen(sim.NewClock(nil), "local:8080", &echo{})
	fmt.Println(port.Addr(), err)
	_, err = r.ParseListener("local:many")
	fmt.Println(err)
	// Output:
	// 127.0.0.1:8080 <nil>
	// endpoint "local:many": port: want a number from 0 to 65535
}
