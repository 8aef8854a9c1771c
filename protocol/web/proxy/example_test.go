package proxy_test

import (
	"fmt"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/proxy"
	"github.com/twistor-go/twistor/sim"
)

// A site of two back ends: who asks the proxy is answered by one after the other.
func ExampleReverse() {
	w := sim.New(nil, 0)
	defer w.Close()
	for _, name := range []string{"one", "two"} {
		w.Host(name).Listen("tcp", ":8080", &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
			fmt.Fprintf(w, "%s got %s for %s", name, r.Path(), r.Header.Get("X-Forwarded-Host"))
		})})
	}
	site := &proxy.Reverse{To: []string{"http://one:8080", "http://two:8080"}}
	w.Host("example.com").Listen("tcp", ":80", &web.Server{Handler: site})

	client := w.Host("client")
	client.Do(func(co *deferred.Co) error {
		c := &web.Client{Loop: client.Loop()}
		for range 2 {
			resp, err := c.Get("http://example.com/news").Await(co)
			if err != nil {
				return err
			}
			text, err := resp.Text(1 << 20).Await(co)
			if err != nil {
				return err
			}
			fmt.Println(text)
		}
		c.Close()
		return co.Sleep(2 * time.Minute) // the proxy lets go of its connections
	})
	// Output:
	// one got /news for example.com
	// two got /news for example.com
}

// A proxy for some hosts of the web, and for nothing else.
func ExampleForward() {
	w := sim.New(nil, 0)
	defer w.Close()
	hello := &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { fmt.Fprint(w, "hello") })}
	w.Host("news.example").Listen("tcp", ":80", hello)
	w.Host("secrets.example").Listen("tcp", ":80", hello)
	w.Host("proxy").Listen("tcp", ":3128", &web.Server{Handler: &proxy.Forward{
		Allow:   []string{"news.example:80"},
		Private: true, // a simulated network has no public addresses
	}})

	client := w.Host("client")
	client.Do(func(co *deferred.Co) error {
		through, err := web.ProxyURL("http://proxy:3128")
		if err != nil {
			return err
		}
		c := &web.Client{Loop: client.Loop(), Proxy: through}
		for _, url := range []string{"http://news.example/", "http://secrets.example/"} {
			resp, err := c.Get(url).Await(co)
			if err != nil {
				return err
			}
			fmt.Println(url, resp.Status)
			resp.Close()
		}
		c.Close()
		return co.Sleep(2 * time.Minute)
	})
	// Output:
	// http://news.example/ 200
	// http://secrets.example/ 403
}
