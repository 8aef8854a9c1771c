package dns

import (
	"errors"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"testing"
)

// readAll is the records of a zone file, with one blank between fields.
func readAll(text string, o ZoneFileOptions) (got []string, lines []int, err error) {
	z := ReadZone(strings.NewReader(text), o)
	defer z.Close()
	for rr, ok := z.Next(); ok; rr, ok = z.Next() {
		got = append(got, strings.Join(strings.Fields(rr.String()), " "))
		_, line := z.Line()
		lines = append(lines, line)
	}
	return got, lines, z.Err()
}

// TestN13 reads what zone files are written in.
func TestN13(t *testing.T) {
	const text = `$ORIGIN example.
$TTL 1h30m
; a comment
@ IN SOA ns hostmaster ( 1 ; (not a parenthesis
	2h 3m 4w 5d )
	NS	ns   ; the owner is the last one's
ns 60 IN A 192.0.2.1
   IN 2d AAAA 2001:db8::1
text TXT "a; b" ( "(c" d
	"e\"f" ) ; more
$GENERATE 8-12/2 host${-8,3,d} A 192.0.2.$
$GENERATE 1-1 $$\$${0,4,x}.${31,5,n} TXT "n$"
after CNAME host000
$ORIGIN sub
@ MX 10 mail.example.
abs.example. TYPE65280 \# 2 0102
$TTL 1W
esc\.aped\032x PTR @
`
	got, lines, err := readAll(text, ZoneFileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		line int
		text string
	}{
		{5, "example. 5400 IN SOA ns.example. hostmaster.example. 1 7200 180 2419200 432000"},
		{6, "example. 5400 IN NS ns.example."},
		{7, "ns.example. 60 IN A 192.0.2.1"},
		{8, "ns.example. 172800 IN AAAA 2001:db8::1"},
		{10, `text.example. 5400 IN TXT "a; b" "(c" "d" "e\"f"`},
		{11, "host000.example. 5400 IN A 192.0.2.8"},
		{11, "host002.example. 5400 IN A 192.0.2.10"},
		{11, "host004.example. 5400 IN A 192.0.2.12"},
		{12, `$$0001.0.2.0.example. 5400 IN TXT "n1"`},
		{13, "after.example. 5400 IN CNAME host000.example."},
		{15, "sub.example. 5400 IN MX 10 mail.example."},
		{16, `abs.example. 5400 CLASS1 TYPE65280 \# 2 0102`},
		{18, `esc\.aped\ x.sub.example. 604800 IN PTR sub.example.`},
	}
	if len(got) != len(want) {
		t.Fatalf("got %d records, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i, w := range want {
		if got[i] != w.text || lines[i] != w.line {
			t.Errorf("got line %d: %s\nwant line %d: %s", lines[i], got[i], w.line, w.text)
		}
	}
}

// TestN13TTL: without $TTL, the SOA record's last field is what records have
// until one has another, and who reads may know better.
func TestN13TTL(t *testing.T) {
	o := ZoneFileOptions{Origin: MustParseName("example"), File: "f"}
	const soa = "@ SOA a b 1 2 3 4 300\n"
	for _, tt := range []struct {
		text string
		ttl  uint32
		want string // TTLs, or the error
	}{
		{soa + "x A 192.0.2.1\n", 0, "300 300"},
		{"$TTL 60\n" + soa + "x A 192.0.2.1\n", 0, "60 60"},
		{"@ 7200 SOA a b 1 2 3 4 300\nx A 192.0.2.1\n", 0, "7200 7200"},
		{soa + "x 60 A 192.0.2.1\ny A 192.0.2.1\n", 0, "300 60 60"},
		{soa + "x A 192.0.2.1\n", 77, "77 77"},
		{"\nx A 192.0.2.1\n" + soa, 0, "f:2: x.example. A: want a TTL, or $TTL before it"},
	} {
		o.DefaultTTL = tt.ttl
		z, got := ReadZone(strings.NewReader(tt.text), o), []string{}
		for rr, ok := z.Next(); ok; rr, ok = z.Next() {
			got = append(got, strconv.Itoa(int(rr.Header().Ttl)))
		}
		all := strings.Join(got, " ")
		if err := z.Err(); err != nil {
			all = err.Error()
		}
		if all != tt.want {
			t.Errorf("%q: got %s, want %s", tt.text, all, tt.want)
		}
	}
}

// TestN13Include: other files are read only if who reads wants that, and have
// their own lines.
func TestN13Include(t *testing.T) {
	files := map[string]string{
		"zones/hosts":     "\nh1 A 192.0.2.1\n$INCLUDE deeper deep\nh2 A 192.0.2.2\n",
		"zones/deeper":    "x A 192.0.2.3\n",
		"zones/bad":       "\n\ny A 192.0.2.300\n",
		"zones/badlater":  "$GENERATE 1-4 g$ A 192.0.2.$\ny A 1.2.3\n",
		"zones/self":      "$INCLUDE self\n",
		"zones/badrange":  "z A 192.0.2.1\n$GENERATE 4-1 g$ A 192.0.2.$\n",
		"zones/overrange": "$GENERATE 1-100000 g$ A 192.0.2.1\n",
	}
	open := func(name string) (io.ReadCloser, error) {
		text, ok := files[name]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return io.NopCloser(strings.NewReader(text)), nil
	}
	o := ZoneFileOptions{Origin: MustParseName("example"), File: "zones/example", DefaultTTL: 60, Include: open}
	got, lines, err := readAll("a A 192.0.2.9\n$INCLUDE hosts sub\nb A 192.0.2.8\n", o)
	want := "a.example. 60 IN A 192.0.2.9, h1.sub.example. 60 IN A 192.0.2.1, x.deep.sub.example. 60 IN A 192.0.2.3, " +
		"h2.sub.example. 60 IN A 192.0.2.2, b.example. 60 IN A 192.0.2.8"
	if err != nil || strings.Join(got, ", ") != want {
		t.Errorf("got %q, %v", got, err)
	}
	for i, want := range []int{1, 2, 1, 4, 3} {
		if i < len(lines) && lines[i] != want {
			t.Errorf("record %d: got line %d, want %d", i, lines[i], want)
		}
	}
	for _, tc := range []struct{ text, want string }{
		{"a A 192.0.2.1\n\n$INCLUDE bad\n", "zones/bad:3: bad A A"},
		{"a A 192.0.2.1\n$INCLUDE badlater\n", "zones/badlater:2: bad A A"},
		{"a A 192.0.2.1\n$INCLUDE badrange\n", "zones/badrange:2: $GENERATE: range \"4-1\": want one such as 1-10"},
		{"a A 192.0.2.1\n$INCLUDE overrange\n", "zones/overrange:1: $GENERATE: range \"1-100000\": want up to 65536 records"},
		{"$INCLUDE self\n", "zones/self:1: too deeply nested $INCLUDE"},
		{"\n$INCLUDE none\n", "zones/example:2: failed to open"},
		{"$GENERATE 1-4 g$ A 192.0.2.$\n\na A 1\n", "zones/example:3: bad A A"},
		{"a A 192.0.2.1\n$GENERATE 254-300 g$ A 192.0.2.$\n", "zones/example:2: bad A A"},
		{"$GENERATE 1-2 g${1,2,q} A 192.0.2.$\n", "zones/example:1: $GENERATE: ${1,2,q}: want"},
	} {
		if _, _, err := readAll(tc.text, o); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%q: got %v, want %s", tc.text, err, tc.want)
		}
	}
	if _, _, err := readAll("$INCLUDE none\n", o); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want one that says the file does not exist", err)
	}
	o.Include = nil
	if _, _, err := readAll("\n$INCLUDE hosts\n", o); err == nil || !strings.HasPrefix(err.Error(), "zones/example:2: $INCLUDE") {
		t.Errorf("without Include: got %v, want a refusal with the line", err)
	}
	if rr, err := ParseRR("$INCLUDE /etc/passwd"); err == nil {
		t.Errorf("ParseRR: got %v, want a refusal", rr)
	}
}

func FuzzReadZone(f *testing.F) {
	f.Add("$TTL 60\na A 192.0.2.1\n$GENERATE 1-3 g${0,2,n} TXT \"$\"\n( b\n TXT \"x\ny\" )\n")
	f.Add("$ORIGIN x.\n@ SOA a b 1 2 3 4 5\n\tNS @\n$INCLUDE f\n")
	f.Fuzz(func(t *testing.T, text string) {
		z := ReadZone(strings.NewReader(text), ZoneFileOptions{DefaultTTL: 60, File: "f"})
		for n := 0; n < 1000; n++ {
			rr, ok := z.Next()
			if !ok {
				break
			}
			if _, line := z.Line(); line < 1 || line > strings.Count(text, "\n")+1 {
				t.Fatalf("%s: line %d of %d", rr, line, strings.Count(text, "\n")+1)
			}
		}
		z.Err()
		z.Close()
	})
}
