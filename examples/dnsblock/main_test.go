package main

import (
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/sim"
)

// TestBlock asks for names in the list and beside it; what is in the list never
// reaches the server above.
func TestBlock(t *testing.T) {
	w := sim.New(t, 1)
	server, client, above := w.Host("server"), w.Host("client"), w.Host("above")
	asked := map[string]int{}
	know := &dns.Server{Handler: dns.HandlerFunc(func(w *dns.ResponseWriter, q *dns.Query) {
		asked[q.Name.String()]++
		w.Answer(&dns.TXT{Hdr: q.Header(60), Txt: []string{"here"}})
	})}
	if _, err := above.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, know.Packets()); err != nil {
		t.Fatal(err)
	}
	upstream, err := dns.ParseUpstream(above.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	names := parse("# a.comment\n127.0.0.1 localhost\n0.0.0.0 ads.example # x.comment\nTracker.Example\n")
	if err := listen(server.Loop(), ":53", names, upstream); err != nil {
		t.Fatal(err)
	}

	to, err := dns.ParseUpstream(server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	asking := &dns.Client{Loop: client.Loop(), Servers: []dns.Upstream{to}}
	defer asking.Close()
	client.Do(func(co *deferred.Co) error {
		for _, tc := range []struct {
			name string
			want dns.Rcode
		}{
			{"ads.example.", dns.RcodeNameError}, {"a.b.ADS.example.", dns.RcodeNameError}, {"tracker.example.", dns.RcodeNameError},
			{"example.", dns.RcodeSuccess}, {"loads.example.", dns.RcodeSuccess}, {"a.comment.", dns.RcodeSuccess},
			{"x.comment.", dns.RcodeSuccess}, {"example.", dns.RcodeSuccess},
		} {
			a, err := asking.Resolve(dns.Question{Name: tc.name, Qtype: dns.TypeTXT, Qclass: dns.ClassIN}, dns.Options{}).Await(co)
			if err != nil {
				t.Errorf("%s: %v", tc.name, err)
			} else if got := dns.Rcode(a.Rcode); got != tc.want {
				t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
			}
		}
		return nil
	})
	if len(asked) != 4 || asked["example."] != 1 {
		t.Errorf("the server above was asked for %v, want four names, once each", asked)
	}
}
