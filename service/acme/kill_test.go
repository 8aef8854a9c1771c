package acme

import (
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/persist"
	"github.com/twistor-go/twistor/sim"
)

// TestKilled: a program that loses its power at any moment of an order has one
// account all the same, whose key it knows; and a certificate that was served
// is there in its next life.
func TestKilled(t *testing.T) {
	moments := 20
	if testing.Short() {
		moments = 8
	}
	for moment := range moments {
		w := sim.New(t, uint64(moment))
		w.Net = sim.Net{WorkTime: 10 * time.Millisecond}
		host := w.Host("server")
		ca := newAuthority(host.Loop().Now)
		var c *Certificates
		begin := func() {
			host.Do(func(co *deferred.Co) error {
				store, err := persist.Open(co, host.Loop(), persist.Config{Dir: "/var/lib/web", Name: "web"})
				if err != nil {
					return err
				}
				c = &Certificates{Domains: []string{"example.com"}, Directory: caHost + "/dir", TermsAgreed: true, Client: ca.client()}
				return c.Start(co, service.With(host.Loop(), store))
			})
		}
		ready := func() {
			host.Do(func(co *deferred.Co) error {
				_, err := c.Ready().Timeout(time.Hour).Await(co)
				return err
			})
		}
		begin()
		w.Advance(time.Duration(moment) * 12 * time.Millisecond)
		served := len(c.served.Load().sites) > 0
		host.Crash()
		host.Restart()

		asked := len(ca.asked)
		begin()
		ready()
		if served && len(ca.asked) != asked {
			t.Errorf("killed after %d steps: it asks for what it served", moment)
		}
		if got := len(ca.accounts); got != 1 {
			t.Errorf("killed after %d steps: got %d accounts, want 1", moment, got)
		}
		if got := len(ca.orders); got > 2 {
			t.Errorf("killed after %d steps: got %d orders, want 1 or 2", moment, got)
		}
		host.Do(c.Stop)
	}
}
