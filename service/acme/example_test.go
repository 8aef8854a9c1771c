package acme_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/acme"
	"github.com/twistor-go/twistor/sim"
)

// A program gets a certificate, and another one in time.
func Example() {
	clock := sim.NewClock(nil)
	certs := &acme.Certificates{
		Domains:     []string{"example.com"},
		Contact:     []string{"admin@example.com"},
		TermsAgreed: true,

		// An authority of one's own; without it, it is Let's Encrypt.
		Directory: "https://ca.example/dir",
		Client:    &http.Client{Transport: acme.NewAuthority(clock.Now)},
	}
	certs.Ready().Done(func(_ struct{}, err error) { fmt.Println("ready:", err) })

	start := deferred.Inline(twistor.Loop(clock), func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, certs.Start(co, service.On(clock))
	})
	start.Done(func(_ struct{}, err error) { fmt.Println("started:", err) })
	for range 2 {
		clock.Advance(time.Minute)
		fmt.Println(certs.State())
		clock.Advance(70 * 24 * time.Hour)
	}
	// Output:
	// started: <nil>
	// ready: <nil>
	// 1 of 1 certificates, example.com to be renewed 2030-03-02
	// 1 of 1 certificates, example.com to be renewed 2030-05-01
}

// At port 443 a Factory serves the certificates below a web server, and at port
// 80 a Handler answers the authority, and sends everybody else there.
func ExampleCertificates_Factory() {
	certs := &acme.Certificates{Domains: []string{"example.com"}, TermsAgreed: true}
	site := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString("hello") })
	away := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		w.SetHeader("Location", "https://example.com"+r.Target())
		w.WriteHeader(308)
	})

	all := new(service.Group)
	all.Add("certificates", certs)
	all.Add("https", service.Listen("tcp:443", certs.Factory(&web.Server{Handler: site})))
	all.Add("http", service.Listen("tcp:80", &web.Server{Handler: certs.Handler(away)}))
	for name := range all.All() {
		fmt.Println(name)
	}
	// Output:
	// certificates
	// https
	// http
}
