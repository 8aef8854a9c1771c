package dns

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// addMessages are seeds: messages of all kinds.
func addMessages(f *testing.F) {
	m, p := question(f, "www.example.com.", TypeA)
	f.Add(p)
	m.SetEdns0(1232, true)
	m.IsEdns0().Option = append(m.IsEdns0().Option, cookieOption("0102030405060708"))
	f.Add(pack(f, m))
	k, _ := newTSIGKey("", "k.", testSecret)
	signed, _, _ := k.Sign(pack(f, m), at)
	f.Add(signed)
	update := new(dns.Msg)
	update.SetUpdate("example.com.")
	update.Insert([]dns.RR{record(f, "a.example.com. 60 IN MX 10 b.example.com.")})
	f.Add(pack(f, update))
	answer := new(dns.Msg)
	answer.SetReply(m)
	answer.Compress = true
	for _, text := range []string{"www.example.com. 60 IN CNAME a.b.example.com.", "a.b.example.com. 60 IN A 192.0.2.1", "a.b.example.com. 60 IN TXT \"a b\" c",
		"example.com. 60 IN SOA n.example.com. m.example.com. 1 2 3 4 5", "example.com. 60 IN SRV 1 2 3 a.b.example.com.", "example.com. 60 IN TYPE65280 \\# 2 abcd",
		"example.com. 60 IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1", "example.com. 60 IN RRSIG A 13 2 60 20300101000000 20290101000000 1 example.com. AAAA",
		"example.com. 60 IN NSEC a.example.com. A RRSIG NSEC", "example.com. 60 IN NAPTR 1 2 \"u\" \"s\" \"r\" .", "x.example.com. 60 IN CAA 0 issue \"ca\""} {
		answer.Answer = append(answer.Answer, record(f, text))
	}
	f.Add(pack(f, answer))
	answer.Response = false
	answer.Ns, answer.Answer = answer.Answer[3:], nil
	f.Add(pack(f, answer))
	f.Add(staircase(9)[:400])
}

// unreadable is why a server refuses a message that the library takes; "": no
// reason. The library is a client's, too, and lenient.
func unreadable(p []byte, m *dns.Msg) string {
	count := func(i int) int { return int(binary.BigEndian.Uint16(p[4+2*i:])) }
	switch {
	case checkMessage(p) != nil:
		return "ParseMessage refuses it: pointers, places of OPT and TSIG, bytes behind the end"
	case count(0) != 1:
		return "there is one question in all that a server takes"
	case m.Opcode == OpcodeQuery && (count(1) > 0 || count(2) > 1 || count(3) > 2):
		return "a query has no answers, one authority (of IXFR), OPT and TSIG"
	case m.Opcode == OpcodeNotify && (count(1) > 1 || count(2) > 1 || count(3) > 2):
		return "a notify has one answer"
	case bytes.IndexByte(p[headerBytes:], 0xc0) >= 0 || slices.ContainsFunc(p[headerBytes:], func(b byte) bool { return b&0xc0 == 0xc0 }):
		return "a question's name points to nothing, since nothing is before it"
	}
	return ""
}

// FuzzQuery: a server's reading of a query is the library's, or one of the
// differences that unreadable explains.
func FuzzQuery(f *testing.F) {
	addMessages(f)
	f.Fuzz(func(t *testing.T, p []byte) {
		var q Query
		r := q.parse(p)
		m := new(dns.Msg)
		err := m.Unpack(p)
		if (r == drop) != (len(p) < headerBytes || p[2]&0x80 != 0) {
			t.Fatalf("got %v, want it dropped only if it is no query", r)
		}
		if r == drop || r == notImplemented {
			return
		}
		if r == formError {
			if err == nil && unreadable(p, m) == "" {
				t.Fatalf("refused, and the library reads %v", m)
			}
			return
		}
		if err != nil {
			// What records hold is read by who needs it: of a query nobody does,
			// and of others Message says that it is malformed.
			records := binary.BigEndian.Uint16(p[6:]) + binary.BigEndian.Uint16(p[8:]) + binary.BigEndian.Uint16(p[10:])
			if records == 0 {
				t.Fatalf("taken, and the library says %v", err)
			}
			if _, err := q.Message(); err == nil {
				t.Fatal("Message reads what the library does not")
			}
			return
		}
		if q.ID != m.Id || int(q.Opcode) != m.Opcode || q.RecursionDesired != m.RecursionDesired || q.AuthenticatedData != m.AuthenticatedData || q.CheckingDisabled != m.CheckingDisabled {
			t.Errorf("got %+v, want %v", q, m.MsgHdr)
		}
		want := m.Question[0]
		if n, err := ParseName(want.Name); err != nil || !bytes.Equal(n, q.Name) || uint16(q.Type) != want.Qtype || uint16(q.Class) != want.Qclass {
			t.Errorf("got %v %v %v, want %v", q.Name, q.Type, q.Class, want)
		}
		opt := m.IsEdns0()
		if (opt != nil) != q.EDNS {
			t.Fatalf("got EDNS %v, want %v", q.EDNS, opt)
		}
		if opt != nil && (q.UDPSize != max(512, opt.UDPSize()) || q.version != opt.Version() || q.DNSSECOK != opt.Do() || (r == badVersion) != (opt.Version() != 0)) {
			t.Errorf("got %+v, want %v", q, opt)
		}
		if (m.IsTsig() != nil) != (q.tsig != 0) {
			t.Errorf("got TSIG at %d, want %v", q.tsig, m.IsTsig())
		}
	})
}

// plain is a message without what may differ: the case of names, which
// compression may change, and how records without an order stand.
func plain(m *dns.Msg) string {
	var b strings.Builder
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		b.WriteString("--\n")
		for _, rr := range section {
			if t := rr.Header().Rrtype; t != TypeOPT && t != TypeTSIG {
				b.WriteString(strings.ToLower(rr.String()) + "\n")
			}
		}
	}
	return b.String()
}

// bare reports whether m is an update with a record that should have data, and
// has none: the library writes it with zeros.
func bare(m *dns.Msg) bool {
	return m.Opcode == OpcodeUpdate && slices.ContainsFunc(slices.Concat(m.Answer, m.Ns, m.Extra), func(rr dns.RR) bool {
		h := rr.Header()
		return h.Rdlength == 0 && h.Class != ClassANY && h.Class != ClassNONE
	})
}

// FuzzMessage: what was read and is written can be read again, and is the same.
func FuzzMessage(f *testing.F) {
	addMessages(f)
	f.Fuzz(func(t *testing.T, p []byte) {
		m, err := ParseMessage(p)
		if err != nil || bare(m) {
			return
		}
		again, err := m.Pack()
		if err != nil {
			return // the library reads some records that it does not write
		}
		back, err := ParseMessage(again)
		if err != nil {
			if len(again) > MaxMessageBytes {
				return // it was compressed
			}
			t.Fatalf("got %v of %x, from %x", err, again, p)
		}
		if got, want := plain(back), plain(m); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		third, err := back.Pack()
		if err != nil || !bytes.Equal(third, again) {
			t.Errorf("got %x, %v; want %x", third, err, again)
		}
	})
}

// FuzzName: a name comes back from text as it was, and is the library's.
func FuzzName(f *testing.F) {
	f.Add([]byte("\x03www\x07example\x03com\x00"))
	f.Add([]byte("\x02\x00\xff\x04.\\\"@\x00"))
	f.Fuzz(func(t *testing.T, p []byte) {
		var buf [MaxNameBytes]byte
		n, end, err := readName(p, 0, buf[:])
		text, libraryEnd, libraryErr := dns.UnpackDomainName(p, 0)
		if err != nil {
			if libraryErr == nil && !slices.ContainsFunc(p, func(b byte) bool { return b&0xc0 == 0xc0 }) {
				t.Fatalf("got %v, and the library reads %q", err, text)
			}
			return
		}
		if libraryErr != nil || end != libraryEnd {
			t.Fatalf("got %v to %d, and the library %v to %d", n, end, libraryErr, libraryEnd)
		}
		for _, text := range []string{n.String(), text} {
			if back, err := ParseName(text); err != nil || !bytes.Equal(back, n) {
				t.Fatalf("got %x, %v from %q; want %x", back, err, text, n)
			}
		}
		to := make([]byte, 300)
		if end, err := dns.PackDomainName(n.String(), to, 0, nil, false); err != nil || !bytes.Equal(to[:end], n) {
			t.Errorf("the library reads %q as %x, %v; want %x", n, to[:end], err, n)
		}
	})
}

// FuzzResponse: what a ResponseWriter makes of a message is, read by the
// library, that message, as far as there is room; and ParseMessage takes it.
func FuzzResponse(f *testing.F) {
	addMessages(f)
	_, ask := question(f, "wWw.eXample.com.", TypeA)
	f.Fuzz(func(t *testing.T, p []byte) {
		m, err := ParseMessage(p)
		if err != nil || m.Opcode == OpcodeUpdate { // whose records without data are no answers
			return
		}
		if _, err := m.Pack(); err != nil {
			return
		}
		var q Query
		if q.parse(ask) != fine {
			t.Fatal("the query is not read")
		}
		for _, n := range []Network{OverTCP, OverUDP} {
			q.Network = n
			var w ResponseWriter
			w.begin(&q, new(kept), (&Server{}).limit(&q))
			w.WriteMessage(m)
			got, most := w.finish(), 512
			if n == OverTCP {
				most = MaxMessageBytes
			}
			if w.err != nil {
				return // it said why, and the client hears SERVFAIL
			}
			if len(got) > most {
				t.Fatalf("got %d bytes, want up to %d", len(got), most)
			}
			if err := checkMessage(got); err != nil && checkMessage(p) == nil && !strings.Contains(err.Error(), "a second") {
				t.Fatalf("got %x: %v", got, err)
			}
			back := new(dns.Msg)
			if err := back.Unpack(got); err != nil {
				t.Fatalf("the library says %v of %x", err, got)
			}
			if back.Truncated && !m.Truncated || n == OverUDP {
				continue
			}
			if got, want := plain(back), plain(m); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	})
}
