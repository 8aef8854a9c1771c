package tlslayer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer"
	"github.com/twistor-go/twistor/sim"
)

// greeter says who it talks to, and greets.
type greeter struct {
	twistor.Transport
	name string
}

func (p *greeter) Connected() {
	fmt.Println(p.name, "negotiated", p.TLS().NegotiatedProtocol)
	fmt.Fprintf(p, "hello from the %s", p.name)
}
func (p *greeter) Received(b []byte)  { fmt.Printf("%s heard %q\n", p.name, b); p.Close() }
func (p *greeter) Disconnected(error) {}

// A server and a client in memory. The certificate is made by crypto/x509.
// T22: certificates are made by crypto/x509.
func ExampleFactory() {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"mail.example"},
		IsCA: true, BasicConstraintsValid: true, NotAfter: sim.Epoch.AddDate(1, 0, 0),
	}
	der, _ := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	leaf, _ := x509.ParseCertificate(der)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)

	greet := func(name string) twistor.Factory {
		return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			return &greeter{t, name}
		})
	}
	server := &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos:   []string{"imap"},
	}
	client := &tls.Config{RootCAs: roots, ServerName: "mail.example", NextProtos: []string{"imap"}}

	clock := sim.NewClock(nil)
	sim.NewPipe(clock,
		tlslayer.Factory(server, twistor.AsServer, greet("server"), nil),
		tlslayer.Factory(client, twistor.AsClient, greet("client"), nil))
	clock.Advance(time.Second)
	// Output:
	// client negotiated imap
	// server negotiated imap
	// server heard "hello from the client"
	// client heard "hello from the server"
}

// What a Transport of one's own does for its StartTLS: from now on its
// protocol's calls go to over, and its events to below.
func ExampleStart() {
	clock := sim.NewClock(nil)
	bare := sim.NewTransport(clock)
	over, below, err := tlslayer.Start(bare, &tls.Config{ServerName: "mail.example"}, twistor.AsClient, &greeter{name: "client"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(over, "EHLO client.example\r\n") // waits for the handshake
	clock.Advance(0)

	record := bare.Written()
	fmt.Println("sent a handshake record:", record[0] == 22, "buffered:", over.Buffered())
	below.Disconnected(twistor.ErrAborted)
	// Output:
	// sent a handshake record: true buffered: 21
}
