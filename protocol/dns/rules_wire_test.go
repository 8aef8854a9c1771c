package dns

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// A raw is a message that is written by hand.
type raw struct{ b []byte }

// rawMessage begins one with an id, flags and counts.
func rawMessage(flags uint16, counts ...int) *raw {
	r := &raw{[]byte{0x12, 0x34, byte(flags >> 8), byte(flags)}}
	for i := range 4 {
		n := 0
		if i < len(counts) {
			n = counts[i]
		}
		r.b = binary.BigEndian.AppendUint16(r.b, uint16(n))
	}
	return r
}

// name appends labels and the root, or nothing behind a final pointer.
func (r *raw) name(labels ...string) *raw {
	for _, l := range labels {
		r.b = append(append(r.b, byte(len(l))), l...)
	}
	r.b = append(r.b, 0)
	return r
}

func (r *raw) bytes(b ...byte) *raw { r.b = append(r.b, b...); return r }

// pointer appends a pointer.
func (r *raw) pointer(to int) *raw { return r.bytes(0xc0|byte(to>>8), byte(to)) }

// question appends what follows the name of one.
func (r *raw) question(t Type) *raw { return r.bytes(byte(t>>8), byte(t), 0, ClassIN) }

// data appends what follows the name of a record.
func (r *raw) data(t Type, p ...byte) *raw {
	r.bytes(byte(t>>8), byte(t), 0, ClassIN, 0, 0, 0, 60, byte(len(p)>>8), byte(len(p)))
	return r.bytes(p...)
}

// refused reports whether ParseMessage refuses p as malformed.
func refused(t *testing.T, p []byte) bool {
	t.Helper()
	m, err := ParseMessage(p)
	if err != nil && !errors.Is(err, errFormat) {
		t.Errorf("got %v, want one of the format", err)
	}
	return m == nil
}

// TestDNS_01: a pointer leads strictly backwards, and to within the message; a
// name has ten of them at most, wherever it stands.
func TestDNS_01(t *testing.T) {
	// chain is an answer whose names go over n pointers each.
	chain := func(n int, rtype Type) []byte {
		r := rawMessage(0x8000, 1, 2).name("a").question(TypeA)
		r.pointer(12)
		var steps []byte
		at := len(r.b) + 10
		to := 12
		for range n - 1 { // the last is the record's own
			steps = append(steps, 0xc0|byte(to>>8), byte(to))
			to, at = at, at+2
		}
		r.data(TypeNULL, steps...)
		if rtype == TypeA {
			return r.pointer(to).data(TypeA, 192, 0, 2, 1).b
		}
		return r.name("b").data(rtype, 0xc0|byte(to>>8), byte(to)).b
	}
	for _, tt := range []struct {
		name string
		p    []byte
		want bool // that it is refused
	}{
		{"a name in full", rawMessage(0, 1).name("a", "b").question(TypeA).b, false},
		{"a pointer in a question", rawMessage(0, 1).bytes(1, 'a').pointer(12).question(TypeA).b, true},
		{"to itself", rawMessage(0, 1).pointer(12).question(TypeA).b, true},
		{"to a later one and back", rawMessage(0, 2).pointer(18).question(TypeA).pointer(12).question(TypeA).b, true},
		{"forward", rawMessage(0, 2).pointer(18).question(TypeA).name("a").question(TypeA).b, true},
		{"back", rawMessage(0, 2).name("a").question(TypeA).pointer(12).question(TypeA).b, false},
		{"into the header", rawMessage(0, 2).name("a").question(TypeA).pointer(4).question(TypeA).b, true},
		{"beyond the message", rawMessage(0, 2).name("a").question(TypeA).pointer(4000).question(TypeA).b, true},
		{"cut in two", rawMessage(0, 1).bytes(0xc0).b, true},
		{"back, into its own label", rawMessage(0, 2).name("a").question(TypeA).bytes(1, 'b').pointer(19).question(TypeA).b, true},
		{"ten of an owner", chain(10, TypeA), false},
		{"eleven of an owner", chain(11, TypeA), true},
		{"ten in data", chain(10, TypeCNAME), false},
		{"eleven in data", chain(11, TypeCNAME), true},
		{"eleven in a type that should not", chain(11, TypeDNAME), true},
		{"in data, to itself", rawMessage(0x8000, 1, 1).name("a").question(TypeMX).pointer(12).data(TypeMX, 0, 10, 0xc0, 33).b, true},
		{"in data, back", rawMessage(0x8000, 1, 1).name("a").question(TypeMX).pointer(12).data(TypeMX, 0, 10, 0xc0, 12).b, false},
		{"in data, beyond them", rawMessage(0x8000, 1, 1).name("a").question(TypeMX).pointer(12).data(TypeMX, 0, 10, 5, 'x').b, true},
	} {
		if got := refused(t, tt.p); got != tt.want {
			t.Errorf("%s: got refused %v, want %v", tt.name, got, tt.want)
		}
		var q Query
		tt.p[2] &^= 0x80
		if r := q.parse(tt.p); strings.Contains(tt.name, "question") && r != formError {
			t.Errorf("%s: a server: got %v, want FORMERR", tt.name, r)
		}
	}
}

// staircase is a message as long as one can be: steps pointers that each lead to
// the one before, and as many names as there is room for which lead to the last
// of them.
func staircase(steps int) []byte {
	r := rawMessage(0x8000, 1, 0).name("a").question(TypeA)
	to := 12
	r.pointer(12)
	var data []byte
	at := len(r.b) + 10
	for range steps {
		data = append(data, 0xc0|byte(to>>8), byte(to))
		to, at = at, at+2
	}
	r.data(TypeNULL, data...)
	n := 1
	for len(r.b)+12 <= 65_526 {
		r.pointer(to).data(TypeNULL)
		n++
	}
	binary.BigEndian.PutUint16(r.b[6:], uint16(n))
	return r.b
}

// TestDNS_02: a staircase of 8,000 pointers which 4,000 names go up is refused
// at its eleventh step, at the first name.
func TestDNS_02(t *testing.T) {
	if p := staircase(8000); len(p) < 65_500 || !refused(t, p) {
		t.Errorf("a staircase in %d bytes is not refused", len(p))
	}
	if refused(t, staircase(9)) {
		t.Error("one of nine steps, and the name's own, is refused")
	}
}

// TestT_24: what Twisted looped on, and what made it slow: a loop of pointers, a
// chain, and a staircase that thousands of names share, are errors; so are they
// for a server.
func TestT_24(t *testing.T) {
	for name, p := range map[string][]byte{
		"loop":      rawMessage(0x8000, 2).pointer(18).question(TypeA).pointer(12).question(TypeA).b,
		"self":      rawMessage(0x8000, 1).pointer(12).question(TypeA).b,
		"staircase": staircase(8000),
		"chain":     staircase(11),
	} {
		if !refused(t, p) {
			t.Errorf("%s: not refused", name)
		}
		p[2] = 0
		var q Query
		if got := q.parse(p); got != formError {
			t.Errorf("%s: a server: got %v, want FORMERR", name, got)
		}
	}
}

// BenchmarkT_24 is how long the worst messages take: at most 2 ms are wanted.
func BenchmarkT_24(b *testing.B) {
	for name, p := range map[string][]byte{"refused": staircase(8000), "parsed": staircase(9)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ParseMessage(p)
			}
		})
	}
}

// allocated is how many bytes f allocates, on average.
func allocated(f func()) uint64 {
	const runs = 100
	var before, after runtime.MemStats
	f()
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs
}

// TestDNS_03: counts that cannot be true, and a second OPT record, are FORMERR
// to a server, at no cost, and nothing is allocated for them by who parses.
func TestDNS_03(t *testing.T) {
	b := newBench(t, &Server{Handler: aHandler})
	opt := func(r *raw) *raw { return r.bytes(0, 0, TypeOPT, 4, 0xd0, 0, 0, 0, 0, 0, 0) }
	for _, tt := range []struct {
		name string
		p    []byte
		want Rcode
	}{
		{"fine", opt(rawMessage(0, 1, 0, 0, 1).name("a").question(TypeA)).b, RcodeSuccess},
		{"65,535 answers in 12 bytes", rawMessage(0, 1, 65535).b, RcodeFormatError},
		{"65,535 answers", rawMessage(0, 1, 65535).name("a").question(TypeA).b, RcodeFormatError},
		{"65,535 authorities", rawMessage(0, 1, 0, 65535).name("a").question(TypeA).b, RcodeFormatError},
		{"65,535 additionals", rawMessage(0, 1, 0, 0, 65535).name("a").question(TypeA).b, RcodeFormatError},
		{"65,535 questions", rawMessage(0, 65535).name("a").question(TypeA).b, RcodeFormatError},
		{"no question", rawMessage(0).b, RcodeFormatError},
		{"two questions", rawMessage(0, 2).name("a").question(TypeA).name("b").question(TypeA).b, RcodeFormatError},
		{"two OPT records", opt(opt(rawMessage(0, 1, 0, 0, 2).name("a").question(TypeA))).b, RcodeFormatError},
		{"one more than is there", opt(rawMessage(0, 1, 0, 0, 2).name("a").question(TypeA)).b, RcodeFormatError},
		{"one less", opt(rawMessage(0, 1, 0, 0, 0).name("a").question(TypeA)).b, RcodeFormatError},
		{"an option beyond the record", rawMessage(0, 1, 0, 0, 1).name("a").question(TypeA).bytes(0, 0, TypeOPT, 4, 0xd0, 0, 0, 0, 0, 0, 5, 0, 10, 0, 8, 1).b, RcodeFormatError},
	} {
		got := one(t, b.udp(tt.p, client))
		if Rcode(got.Rcode) != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, Rcode(got.Rcode), tt.want)
		}
		if tt.want == RcodeSuccess {
			continue
		}
		if refused := refused(t, tt.p); !refused && !strings.Contains(tt.name, "question") {
			t.Errorf("%s: ParseMessage takes it", tt.name)
		}
	}
	if raceEnabled {
		return
	}
	// As long as one can be, and full of nothing: refused for its counts.
	long := append(rawMessage(0x8000, 1, 65535, 65535, 65535).name("a").question(TypeA).b, make([]byte, 60_000)...)
	if got, most := allocated(func() { ParseMessage(long) }), uint64(2*len(long)); got > most {
		t.Errorf("counts beyond the bytes: got %d bytes allocated, want up to %d", got, most)
	}
	twelve := rawMessage(0x8000, 1, 65535).b
	if got := allocated(func() { ParseMessage(twelve) }); got > 512 {
		t.Errorf("twelve bytes: got %d bytes allocated, want those of the error", got)
	}
}

// TestDNS_10: names of 255 bytes and labels of 63 are the longest, other kinds
// of labels are none; what is a name comes back from text as it was.
func TestDNS_10(t *testing.T) {
	label := strings.Repeat("x", 63)
	for _, tt := range []struct {
		name   string
		labels []string
		want   bool
	}{
		{"255 bytes", []string{label, label, label, label[:61]}, true},
		{"256 bytes", []string{label, label, label, label[:62]}, false},
		{"127 labels", strings.Split(strings.Repeat("a ", 126)+"a", " "), true},
		{"128 labels", strings.Split(strings.Repeat("a ", 127)+"a", " "), false},
		{"escapes", []string{`a.b`, `\`, "\x00\xff", " ", `"`, "(;)", "@", "$"}, true},
		{"a label that looks like an escape", []string{`\046`, `\.`}, true},
		{"the root", nil, true},
	} {
		p := rawMessage(0, 1).name(tt.labels...).question(TypeA).b
		var q Query
		r := q.parse(p)
		if (r == fine) != tt.want || refused(t, p) == tt.want {
			t.Errorf("%s: got %v, want it taken: %v", tt.name, r, tt.want)
		}
		if !tt.want {
			continue
		}
		if back, err := ParseName(q.Name.String()); err != nil || !bytes.Equal(back, q.Name) {
			t.Errorf("%s: got %x, %v from %q; want %x", tt.name, back, err, q.Name, q.Name)
		}
	}
	for _, kind := range []byte{64, 0x40, 0x41, 0x7f, 0x80, 0xbf} {
		p := rawMessage(0, 1).bytes(kind).bytes(make([]byte, 200)...).question(TypeA).b
		var q Query
		if r := q.parse(p); r != formError || !refused(t, p) {
			t.Errorf("a label that begins with %#x: got %v, want FORMERR", kind, r)
		}
	}
	for _, s := range []string{label + "x", "a..b", ".a", "", `a\`, `\256`, strings.Repeat("a.", 128)} {
		if n, err := ParseName(s); err == nil {
			t.Errorf("%.20q: got %x, want an error", s, []byte(n))
		}
	}
}

// TestDNS_13: what is written is compressed with at most maxSuffixes names in
// mind, however many there are, so that the work for a name does not grow.
func TestDNS_13(t *testing.T) {
	var q Query
	if q.parse(rawMessage(0, 1).name("example", "com").question(TypeNS).b) != fine {
		t.Fatal("the query is not read")
	}
	q.Network = OverTCP
	var w ResponseWriter
	w.begin(&q, new(kept), MaxMessageBytes)
	zone := strings.Repeat("l.", 100) + "example.com."
	n := 0
	for ; !w.Truncated(); n++ {
		name := fmt.Sprintf("n%d.%s", n, zone)
		w.Answer(&dns.NS{Hdr: RecordHeader{Name: name, Rrtype: TypeNS, Class: ClassIN, Ttl: 60}, Ns: "ns." + name})
		if w.names.used > maxSuffixes {
			t.Fatalf("record %d: got %d names in mind, want up to %d", n, w.names.used, maxSuffixes)
		}
	}
	if n < 1000 {
		t.Errorf("got %d records in a message: want them compressed", n)
	}
	w.truncated = false
	if _, err := ParseMessage(w.finish()); err != nil {
		t.Errorf("got %v of our own message: want pointers that we would take", err)
	}
}

// TestDNS_14: records that a message has once, and a place for, are FORMERR
// elsewhere and again.
func TestDNS_14(t *testing.T) {
	const a, b, soa, dname = "a. 60 IN CNAME b.", "a. 60 IN CNAME c.", "a. 60 IN SOA n. m. 1 2 3 4 5", "a. 60 IN DNAME b."
	type section = []string
	for _, tt := range []struct {
		name                string
		qtype               uint16
		opcode              int
		answer, auth, extra section
		want                bool // that it is refused
	}{
		{"one of each", TypeA, 0, section{a, dname, soa}, section{soa}, section{"opt", "tsig"}, false},
		{"a second CNAME", TypeA, 0, section{a, b}, nil, nil, true},
		{"the same CNAME again", TypeA, 0, section{a, a}, nil, nil, true},
		{"CNAMEs of a chain", TypeA, 0, section{a, "b. 60 IN CNAME c."}, nil, nil, false},
		{"a second DNAME", TypeA, 0, section{dname, dname}, nil, nil, true},
		{"a second SOA", TypeA, 0, nil, section{soa, soa}, nil, true},
		{"in two sections", TypeSOA, 0, section{soa}, section{soa}, nil, false},
		{"a transfer", TypeAXFR, 0, section{soa, a, soa}, nil, nil, false},
		{"the changes of one", TypeIXFR, 0, section{soa, soa, a, soa, b, soa}, nil, nil, false},
		{"an update", TypeSOA, OpcodeUpdate, nil, section{a, b, soa, soa}, nil, false},
		{"two OPT records", TypeA, 0, nil, nil, section{"opt", "opt"}, true},
		{"OPT in the answer", TypeA, 0, section{"opt"}, nil, nil, true},
		{"OPT in the authority", TypeA, 0, nil, section{"opt"}, nil, true},
		{"OPT of a name", TypeA, 0, nil, nil, section{"opt of a name"}, true},
		{"TSIG before others", TypeA, 0, nil, nil, section{"tsig", "x. 60 IN A 192.0.2.1"}, true},
		{"two TSIG records", TypeA, 0, nil, nil, section{"tsig", "tsig"}, true},
		{"TSIG in the answer", TypeA, 0, section{"tsig"}, nil, nil, true},
		{"TSIG in the authority", TypeA, 0, nil, section{"tsig"}, nil, true},
	} {
		m := new(dns.Msg)
		m.SetQuestion("a.", tt.qtype)
		m.Response, m.Opcode = true, tt.opcode
		rrs := func(s section) (all []dns.RR) {
			for _, text := range s {
				switch text {
				case "opt":
					all = append(all, &dns.OPT{Hdr: RecordHeader{Name: ".", Rrtype: TypeOPT, Class: 1232}})
				case "opt of a name":
					all = append(all, &dns.OPT{Hdr: RecordHeader{Name: "a.", Rrtype: TypeOPT, Class: 1232}})
				case "tsig":
					all = append(all, &dns.TSIG{Hdr: RecordHeader{Name: "k.", Rrtype: TypeTSIG, Class: ClassANY}, Algorithm: "hmac-sha256."})
				default:
					all = append(all, record(t, text))
				}
			}
			return all
		}
		m.Answer, m.Ns, m.Extra = rrs(tt.answer), rrs(tt.auth), rrs(tt.extra)
		if got := refused(t, pack(t, m)); got != tt.want {
			t.Errorf("%s: got refused %v, want %v", tt.name, got, tt.want)
		}
		if tt.opcode == OpcodeUpdate {
			continue
		}
		m.Response = false
		var q Query
		if got := q.parse(pack(t, m)); tt.want && got != formError {
			t.Errorf("%s: a server: got %v, want FORMERR", tt.name, got)
		}
	}
}
