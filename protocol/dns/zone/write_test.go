package zone

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnstest"
)

// TestWriteTo: what is written is read back as the same zone.
func TestWriteTo(t *testing.T) {
	for name, s := range map[string]string{"plain": hard, "NSEC": nsecZone, "NSEC3": nsec3Zone} {
		z := read(t, s)
		var b strings.Builder
		n, err := z.WriteTo(&b)
		if err != nil || n != int64(b.Len()) {
			t.Errorf("%s: got %d, %v; want %d bytes", name, n, err, b.Len())
		}
		again, err := Read(strings.NewReader(b.String()), Options{Origin: z.Origin()})
		if err != nil {
			t.Fatal(err)
		}
		if got := text(t, again); got != b.String() || again.Records() != z.Records() || again.Names() != z.Names() {
			t.Errorf("%s: got\n%swant\n%s", name, got, b.String())
		}
		if !strings.HasPrefix(b.String(), "example.\t3600\tIN\tSOA\t") {
			t.Errorf("%s: begins with %.40q, want the SOA record", name, b.String())
		}
	}
	broken := errors.New("no space")
	if _, err := read(t, hard).WriteTo(full{broken}); !errors.Is(err, broken) {
		t.Errorf("got %v, want that it could not be written", err)
	}
}

type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

// TestPeersCheckzone: bind9 accepts what we write, and finds its signatures and
// proofs complete.
func TestPeersCheckzone(t *testing.T) {
	for name, s := range map[string]string{"plain": hard, "NSEC": nsecZone, "NSEC3": nsec3Zone} {
		file := filepath.Join(t.TempDir(), "zone")
		if err := os.WriteFile(file, []byte(text(t, read(t, s))), 0o600); err != nil {
			t.Fatal(err)
		}
		// Names of hosts that are none are meant so.
		out := dnstest.Run(t, "named-checkzone", "-i", "none", "-k", "ignore", "example", file)
		if !strings.Contains(out, "loaded serial 2024010101") || !strings.HasSuffix(strings.TrimSpace(out), "OK") {
			t.Errorf("%s: got %s", name, out)
		}
	}
	for _, args := range [][]string{{}, {"-3", "abcd", "-H", "3"}} {
		file := filepath.Join(t.TempDir(), "zone")
		if err := os.WriteFile(file, []byte(text(t, read(t, sign(t, text(t, read(t, hard)), args...)))), 0o600); err != nil {
			t.Fatal(err)
		}
		dnstest.Run(t, "dnssec-verify", "-q", "-o", "example", file)
	}
}

// TestAll: sets come in canonical order, each with its signatures behind it.
func TestAll(t *testing.T) {
	for name, s := range map[string]string{"plain": hard, "NSEC": nsecZone, "NSEC3": nsec3Zone} {
		z := read(t, s)
		records, last, before := 0, dns.Name(nil), dns.RRset{}
		for owner, set := range z.All() {
			if records == 0 && (set.Type != dns.TypeSOA || string(owner) != string(z.Origin())) {
				t.Errorf("%s: begins with %s %s, want the SOA set", name, owner, set.Type)
			}
			if last != nil && dns.Compare(last, owner) > 0 {
				t.Errorf("%s: %s is behind %s", name, owner, last)
			}
			if set.Type == dns.TypeRRSIG && (string(last) != string(owner) || covered(set) != before.Type) {
				t.Errorf("%s: %s: signatures of %s are behind %s", name, owner, covered(set), before.Type)
			}
			records += set.Len()
			last, before = owner, set
		}
		if records != z.Records() {
			t.Errorf("%s: got %d records, want %d", name, records, z.Records())
		}
		for range z.All() {
			break
		}
	}
}
