package dns

import (
	"net"
	"testing"

	"github.com/miekg/dns"
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

type kept struct{ p []byte }

func (k *kept) send(_ *ResponseWriter, p []byte, _ bool) { k.p = append([]byte(nil), p...) }
func (k *kept) room() *deferred.Signal                   { return nil }
func (k *kept) completed(*exchange)                      {}

// TestServe: the answer of a Handler is what the library reads.
func TestServe(t *testing.T) {
	s := &Server{Handler: HandlerFunc(func(w *ResponseWriter, q *Query) {
		w.SetAuthoritative(true)
		mx, _ := dns.NewRR("example.com. 60 IN MX 10 mail.example.com.")
		ns, _ := dns.NewRR("Example.com. 60 IN NS ns.example.com.")
		a, _ := dns.NewRR("mail.example.com. 60 IN A 192.0.2.1")
		w.Add(Answer, mx)
		w.Add(Authority, ns)
		w.Add(Additional, a)
	})}
	m := new(dns.Msg)
	m.SetQuestion("eXample.com.", dns.TypeMX)
	m.SetEdns0(1232, true)
	p, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	k := new(kept)
	s.serve(p, twistor.Peer{}, OverUDP, k)
	got, err := ParseMessage(k.p)
	if err != nil {
		t.Fatal(err)
	}
	if got.Id != m.Id || len(got.Answer) != 1 || len(got.Ns) != 1 || len(got.Extra) != 2 || got.Question[0].Name != "eXample.com." {
		t.Errorf("got %v", got)
	}
}

// TestSharedRecord: a record that several loops answer with is not written to.
func TestSharedRecord(t *testing.T) {
	shared := &A{Hdr: RecordHeader{Name: "example.com.", Rrtype: TypeA, Class: ClassIN, Ttl: 60}, A: net.IPv4(192, 0, 2, 1)}
	want := *shared
	for _, rr := range []RR{shared, &AMTRELAY{Hdr: RecordHeader{Name: "example.com.", Rrtype: TypeAMTRELAY, Class: ClassIN}, GatewayType: amtOptional}} {
		before := *rr.Header()
		if _, err := packRR(rr, make([]byte, 512), 0); err != nil {
			t.Fatal(err)
		}
		if *rr.Header() != before {
			t.Errorf("got the head %v, want %v", rr.Header(), before)
		}
	}
	if shared.Hdr != want.Hdr {
		t.Errorf("got %v, want %v", shared, &want)
	}
}
