package dns

import (
	"testing"

	"github.com/miekg/dns"
)

// TestRRset: records keep their data over the wire format, and the lowest TTL
// is the set's.
func TestRRset(t *testing.T) {
	for _, text := range [][]string{
		{"mail.example. 60 IN A 192.0.2.1", "mail.example. 30 IN A 192.0.2.2"},
		{"example. 30 IN MX 10 Mail.example."},
		{`example. 30 IN TXT "a b" "c"`},
		{"example. 30 IN TYPE65280 \\# 3 010203"},
	} {
		var rrs []RR
		for _, s := range text {
			rr, err := dns.NewRR(s)
			if err != nil {
				t.Fatal(err)
			}
			rrs = append(rrs, rr)
		}
		set, err := PackRRset(rrs)
		if err != nil {
			t.Fatal(err)
		}
		back, err := set.RRs(MustParseName(rrs[0].Header().Name))
		if err != nil {
			t.Fatal(err)
		}
		if set.TTL != 30 || set.Len() != len(rrs) || len(back) != len(rrs) {
			t.Fatalf("%s: got %d records with TTL %d, and %d back", text, set.Len(), set.TTL, len(back))
		}
		for i := range rrs {
			if !dns.IsDuplicate(rrs[i], back[i]) {
				t.Errorf("got %s, want %s", back[i], rrs[i])
			}
		}
	}
	if _, err := (RRset{Type: TypeA, Data: []byte{0, 3, 1, 2, 3}}).RRs(Root); err == nil {
		t.Error("an address of three bytes was read")
	}
}
