package dnssec

import (
	"os"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/protocol/dns"
)

// TestUC22_RootAnchors: they are those that Debian has of IANA, where they are.
func TestUC22_RootAnchors(t *testing.T) {
	anchors := RootAnchors()
	if len(anchors) != 2 || anchors[0].KeyTag != 20326 || anchors[1].KeyTag != 38696 {
		t.Fatalf("got %v", anchors)
	}
	f, err := os.Open("/usr/share/dns/root.ds")
	if err != nil {
		peertest.Missing(t, "Debian's anchors: "+err.Error())
	}
	defer f.Close()
	theirs, err := ReadAnchors(f, f.Name())
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range anchors {
		if i >= len(theirs) || !dns.Same(a, theirs[i]) {
			t.Errorf("got %v, want %v", a, theirs)
		}
	}
}

// TestUC22_ReadAnchors: DS and DNSKEY records, and for everything else an error with
// the file and the line.
func TestUC22_ReadAnchors(t *testing.T) {
	k := newKey(t, KeyOptions{Zone: dns.MustParseName("example"), KSK: true}, 1)
	ds, err := NewDS(k.DNSKEY, DigestSHA256)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadAnchors(strings.NewReader("; trusted\n"+k.DNSKEY.String()+"\n"+ds.String()+"\n"), "anchors")
	if err != nil || len(got) != 2 || !dns.Same(got[0], ds) || !dns.Same(got[1], ds) {
		t.Errorf("got %v, %v, want twice %v", got, err, ds)
	}
	for text, want := range map[string]string{
		"":                                     "anchors: want DS or DNSKEY records, found none",
		"\nexample. A 192.0.2.1\n":             "anchors:2: A: want DS or DNSKEY",
		"example. DS 1 13 1 00112233\n":        "anchors:1: DS with digest 1",
		"example. DS 1 5 2 00112233\n":         "anchors:1: DS with algorithm 5",
		"example. DNSKEY 0 3 13 AAAA\n":        "anchors:1: DNSKEY with flags 0",
		"example. DS 1 13\n":                   "anchors:1",
		strings.Repeat(ds.String()+"\n", 1001): "anchors:1001: want up to 1000",
	} {
		if _, err := ReadAnchors(strings.NewReader(text), "anchors"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %s", text, err, want)
		}
	}
}
