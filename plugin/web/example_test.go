package web_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/twistor-go/twistor/deferred"
	plugin "github.com/twistor-go/twistor/plugin/web"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// A program has a site within itself: what `twistor web` takes as flags are
// fields here.
func Example() {
	dir, err := os.MkdirTemp("", "site-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	os.WriteFile(filepath.Join(dir, "index.html"), []byte("<h1>Hello</h1>"), 0o644)

	c := plugin.New()
	c.Listen = []string{"tcp:80"}
	c.Path = dir
	c.Headers = []string{"X-Frame-Options: DENY"}
	site, err := c.Service()
	if err != nil {
		fmt.Println(err)
		return
	}

	w := sim.New(nil, 0) // in place of the network, and of a reactor
	defer w.Close()
	server, client := w.Host("server"), w.Host("client")
	server.Do(func(co *deferred.Co) error { return site.Start(co, service.On(server.Loop())) })
	client.Do(func(co *deferred.Co) error {
		asking := &web.Client{Loop: client.Loop()}
		defer asking.Close()
		resp, err := asking.Get("http://server/").Await(co)
		if err != nil {
			return err
		}
		text, err := resp.Text(1 << 10).Await(co)
		fmt.Println(resp.Status, resp.Header.Get("X-Frame-Options"), text)
		return err
	})
	server.Do(site.Stop)
	// Output: 200 DENY <h1>Hello</h1>
}

// What is wrong is said by the name of the flag.
func ExampleConfig_Service() {
	c := plugin.New()
	c.Proxies = []string{"/api=localhost:3000"}
	_, err := c.Service()
	fmt.Println(err)
	// Output: --proxy "/api=localhost:3000": want [PREFIX=]URL, such as /api=http://127.0.0.1:3000
}
