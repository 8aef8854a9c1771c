package dns

import (
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// G07, N15, N16: a secondary gets its zone with a key, hears of a new version, and
// serves its copy after a restart, when the first server has gone.
func TestG07Secondary(t *testing.T) {
	w := sim.New(t, 1)
	keys := "hmac-sha256:k:c2VjcmV0\n"
	second := w.Host("second")
	first := serve(t, w, "first", map[string]string{"a.zone": apex("1") + "www A 192.0.2.1\n", "keys": keys},
		"--zone", "a.zone", "--tsig", "keys", "--allow-transfer", "key:k", "--notify", second.Addr().String()+",key:k")
	s := serve(t, w, "second", map[string]string{"keys": keys, "copies/none": ""},
		"--secondary", "a="+first.host.Addr().String()+",key:k", "--tsig", "keys", "--copy-dir", "copies")
	sleep := func(d time.Duration) {
		s.client.Do(func(co *deferred.Co) error { return co.Sleep(d) })
	}
	sleep(5 * time.Second)
	s.want("www.a. A", "NOERROR AA 192.0.2.1")

	first.write("a.zone", apex("2")+"www A 192.0.2.2\n")
	if err := first.reload(); err != nil {
		t.Fatal(err)
	}
	sleep(5 * time.Second) // far less than its refresh timer
	s.want("www.a. A", "NOERROR AA 192.0.2.2")

	first.host.Do(first.service.Stop)
	first.service = nil
	s.host.Do(s.service.Stop)
	s.host.Do(func(co *deferred.Co) error { return s.service.Start(co, service.On(s.host.Loop())) })
	s.want("www.a. A", "NOERROR AA 192.0.2.2")

	// Without a key there is no zone, which is said, and no lie.
	first.host.Do(func(co *deferred.Co) error {
		again, err := parse(t, "--listen", "dns:53", "--zone", "a.zone", "--tsig", "keys", "--allow-transfer", "key:k").Service()
		if err == nil {
			err = again.Start(co, service.On(first.host.Loop()))
		}
		first.service = again
		return err
	})
	third := serve(t, w, "third", nil, "--secondary", first.host.Addr().String()+"/a")
	third.client.Do(func(co *deferred.Co) error { return co.Sleep(5 * time.Second) })
	if got := third.ask("www.a. A"); !strings.HasPrefix(got, "SERVFAIL") {
		t.Errorf("got %q, want SERVFAIL", got)
	}
	if got, want := third.tree().State(), "zone a., which is not here"; got != want {
		t.Errorf("state: got %q, want %q", got, want)
	}
}
