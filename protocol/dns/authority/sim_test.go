package authority

import (
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/sim"
)

// TestN16Secondary: a secondary fetches the zone, hears of new versions at once,
// and takes differences.
func TestN16Secondary(t *testing.T) {
	sim.Seeds(t, 10, func(t *testing.T, w *sim.World) {
		one := open(t, w, "one", Config{})
		two := open(t, w, "two", Config{})
		one.do(one.AddPrimary(zoneOf(t, 1, "www A 192.0.2.1"), Primary{
			Transfer: everybody, Update: anything, Notify: []Peer{two.peer()}}))
		two.do(two.AddSecondary(example, Secondary{Primaries: []Peer{one.peer()}}))
		two.until(1)
		c := client(t, w, "client")
		defer c.close()
		if got := c.ask(updating(nil, add(t, "new.example. 60 IN A 192.0.2.2")), one); got.Rcode != dns.RcodeSuccess {
			t.Fatalf("update: got %s", dns.Rcode(got.Rcode))
		}
		two.until(2)
		if got, want := text(two.Zone(example)), text(one.Zone(example)); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if got := two.Status()[0].Steps; got != 1 {
			t.Errorf("got %d steps, want 1: the difference, not the zone", got)
		}
		one.stop()
		two.stop()
	})
}
