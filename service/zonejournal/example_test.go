package zonejournal_test

import (
	"fmt"
	"strings"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/authority"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/service/persist"
	"github.com/twistor-go/twistor/service/zonejournal"
	"github.com/twistor-go/twistor/sim"
)

const file = `
@   3600 IN SOA ns host 1 3600 600 604800 60
@   3600 IN NS  ns
ns  3600 IN A   192.0.2.53
`

// A name that was added is there in the program's next life.
func Example() {
	w := sim.New(nil, 0)
	defer w.Close()
	host := w.Host("primary")
	origin := dns.MustParseName("example")
	for range 2 {
		host.Do(func(co *deferred.Co) error {
			store, err := persist.Open(co, host.Loop(), persist.Config{Dir: "state", Name: "dns"})
			if err != nil {
				return err
			}
			journal := &zonejournal.Journal{}
			if err := journal.Open(co, store); err != nil {
				return err
			}
			a := authority.New(host.Loop(), authority.Config{Journal: journal})
			z, err := zone.Read(strings.NewReader(file), zone.Options{Origin: origin})
			if err != nil {
				return err
			}
			if _, err := a.AddPrimary(z, authority.Primary{}).Await(co); err != nil {
				return err
			}
			fmt.Println("serial", a.Zone(origin).Serial())
			added, err := dns.ParseRR("new.example. 60 IN A 192.0.2.1")
			if err != nil {
				return err
			}
			if a.Zone(origin).Has(dns.MustParseName("new.example")) {
				fmt.Println("it is there")
			} else if _, err := a.Change(origin, zone.Change{Added: []dns.RR{added}}).Await(co); err != nil {
				return err
			}
			if err := a.Stop(co); err != nil {
				return err
			}
			return store.Close(co)
		})
	}
	// Output:
	// serial 1
	// serial 2
	// it is there
}
