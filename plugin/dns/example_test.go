package dns_test

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/twistor-go/twistor/deferred"
	plugin "github.com/twistor-go/twistor/plugin/dns"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// A program has a name server within itself: what `twistor dns` takes as flags are
// fields here.
func Example() {
	w := sim.New(nil, 0) // in place of the network, the disk, and of a reactor
	defer w.Close()
	server, client := w.Host("server"), w.Host("client")
	f, err := server.Loop().FS().OpenFile("example.zone", os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(f, "$TTL 300\n@ IN SOA ns hostmaster 1 3600 600 604800 60\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n")
	f.Close()

	c := plugin.New()
	c.Listen = []string{"dns:53"}
	c.Zones = []string{"example.com=example.zone"}
	names, err := c.Service()
	if err != nil {
		fmt.Println(err)
		return
	}
	server.Do(func(co *deferred.Co) error { return names.Start(co, service.On(server.Loop())) })
	client.Do(func(co *deferred.Co) error {
		asking := &dns.Client{Loop: client.Loop(), Servers: []dns.Upstream{{Addr: netip.AddrPortFrom(server.Addr(), 53)}}}
		defer asking.Close()
		addrs, err := dns.LookupAddrs(asking, "www.example.com.").Await(co)
		fmt.Println(addrs)
		return err
	})
	server.Do(names.Stop)
	// Output: [192.0.2.1]
}

// What is wrong is said by the name of the flag.
func ExampleConfig_Service() {
	c := plugin.New()
	c.Secondaries = []string{"example.com=elsewhere"}
	_, err := c.Service()
	fmt.Println(err)
	// Output: --secondary "example.com=elsewhere": want NAME=ADDRESS[,ADDRESS...][,key:NAME], such as example.com=192.0.2.1:53, or ADDRESS/NAME
}
