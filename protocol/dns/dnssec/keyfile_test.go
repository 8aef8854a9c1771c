package dnssec

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/sim"
)

func newDisk(t testing.TB) *sim.Disk {
	t.Helper()
	d := sim.NewDisk(func() time.Time { return now })
	if err := d.Mkdir("keys", 0o700); err != nil {
		t.Fatal(err)
	}
	return d
}

func text(t testing.TB, fsys twistor.FS, name string) string {
	t.Helper()
	b, err := readFile(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestUC22_KeyFilesRoundTrip: each algorithm and every time come back as they
// were written.
func TestUC22_KeyFilesRoundTrip(t *testing.T) {
	d := newDisk(t)
	origin := dns.MustParseName("roll.example")
	at := func(days int) time.Time { return now.Add(time.Duration(days) * day) }
	var want []*Key
	for i, a := range algorithms {
		k := newKey(t, KeyOptions{Zone: origin, Algorithm: a, KSK: i%2 == 0, Timing: Timing{
			Created: at(0), Publish: at(1), Activate: at(2), Inactive: at(3), Delete: at(4), SyncPublish: at(5), SyncDelete: at(6)}}, byte(i))
		want = append(want, k)
		if err := Write(d, "keys", k); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(d, "keys", newKey(t, KeyOptions{Zone: dns.MustParseName("x.roll.example")}, 9)); err != nil {
		t.Fatal(err)
	}
	got, err := ReadKeys(d, "keys", origin)
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %d keys, %v, want %d", len(got), err, len(want))
	}
	for _, w := range want {
		found := false
		for _, g := range got {
			found = found || g.DNSKEY.PublicKey == w.DNSKEY.PublicKey && g.Timing == w.Timing && g.DNSKEY.Flags == w.DNSKEY.Flags && g.Signer != nil
		}
		if !found {
			t.Errorf("key %s did not come back", w)
		}
	}
	// A key without times is one that is always used; with some, the others mean never.
	if tm, err := parseTiming(nil); err != nil || tm != (Timing{}) || !tm.Active(now) {
		t.Errorf("no times: %+v, %v", tm, err)
	}
	if tm, err := parseTiming([]field{{"created", "20260101000000"}}); err != nil || tm.Active(now) || tm.Published(now) {
		t.Errorf("created only: %+v, %v", tm, err)
	}
}

// TestUC22_PrivateKeysAreTheirOwners: the private half is for its owner only, on
// the real disk; and a crash while it is written leaves the old one or the new.
func TestUC22_PrivateKeysAreTheirOwners(t *testing.T) {
	fsys, dir := reactor.New(nil).Loop().FS(), t.TempDir()
	k := newKey(t, KeyOptions{Zone: dns.MustParseName("roll.example")}, 1)
	for range 2 { // replaced, too
		if err := Write(fsys, dir, k); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Fatalf("got %v, %v, want two files", entries, err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		private := strings.HasSuffix(e.Name(), ".private")
		if private && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
}

// TestUC22_KeyNamesLeadNowhere: a zone's name with slashes and dots in it makes a
// file in the folder.
func TestUC22_KeyNamesLeadNowhere(t *testing.T) {
	for name, want := range map[string]string{
		".":                         ".",
		"example":                   "example.",
		"0/25.2.0.192.in-addr.arpa": "0%2F25.2.0.192.in-addr.arpa.",
		`\.\.\/\.\.\/etc.example`:   "%2E%2E%2F%2E%2E%2Fetc.example.",
		`\000.\255`:                 "%00.%FF.",
		"_sip.UPPER-case.example":   "_sip.upper-case.example.",
	} {
		if got := fileLabels(dns.MustParseName(name)); got != want || path.Base("K"+got) != "K"+got {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	d := newDisk(t)
	zone := dns.MustParseName("0/25.2.0.192.in-addr.arpa")
	if err := Write(d, "keys", newKey(t, KeyOptions{Zone: zone}, 1)); err != nil {
		t.Fatal(err)
	}
	if keys, err := ReadKeys(d, "keys", zone); err != nil || len(keys) != 1 {
		t.Errorf("got %v, %v", keys, err)
	}
}

// TestUC22_KeysAreNotLost: a key's files do not take the place of another key's, and
// its private half is in no log.
func TestUC22_KeysAreNotLost(t *testing.T) {
	d := newDisk(t)
	k := newKey(t, KeyOptions{Zone: dns.MustParseName("roll.example")}, 1)
	if err := Write(d, "keys", k); err != nil {
		t.Fatal(err)
	}
	// The tag is a sum: with its first two words exchanged, a key has the same.
	raw, _ := base64.StdEncoding.DecodeString(k.DNSKEY.PublicKey)
	raw[0], raw[1], raw[2], raw[3] = raw[2], raw[3], raw[0], raw[1]
	other, record := *k, *k.DNSKEY
	record.PublicKey = base64.StdEncoding.EncodeToString(raw)
	other.DNSKEY = &record
	before := text(t, d, "keys/Kroll.example.+013+"+fmt.Sprintf("%05d", k.Tag())+".private")
	if err := Write(d, "keys", &other); err == nil || other.Tag() != k.Tag() {
		t.Errorf("another key of tag %d: got %v, want an error", other.Tag(), err)
	}
	if after := text(t, d, "keys/Kroll.example.+013+"+fmt.Sprintf("%05d", k.Tag())+".private"); after != before {
		t.Error("the private half was overwritten")
	}
	if _, err := Generate(random(1), KeyOptions{Zone: dns.MustParseName("roll.example"), Beside: []*Key{k}}); err != nil {
		t.Error(err) // the source goes on: another key
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "key", k)
	if !strings.Contains(log.String(), `"key":"roll.example./013/`) {
		t.Errorf("logged: %s", log.String())
	}
}

// TestUC22_BrokenKeyFiles: an error names the file, and says nothing of what is secret.
func TestUC22_BrokenKeyFiles(t *testing.T) {
	zone := dns.MustParseName("roll.example")
	k := newKey(t, KeyOptions{Zone: zone}, 1)
	other := newKey(t, KeyOptions{Zone: zone}, 2)
	rsaKey := newKey(t, KeyOptions{Zone: zone, Algorithm: RSASHA256}, 3)
	for _, tc := range []struct {
		name   string
		public func(string) string // nil: as it is
		secret func(string) string
		want   string
		key    *Key
	}{
		{"format", nil, func(s string) string { return strings.Replace(s, "v1.3", "v9", 1) }, "want v1.2 or v1.3", k},
		{"algorithm", nil, func(s string) string { return strings.Replace(s, "Algorithm: 13", "Algorithm: 5", 1) }, "not supported", k},
		{"another algorithm", nil, func(s string) string { return strings.Replace(s, "Algorithm: 13", "Algorithm: 15", 1) }, "algorithm ED25519", k},
		{"no key", nil, func(s string) string { return strings.Replace(s, "PrivateKey", "Key", 1) }, "no PrivateKey", k},
		{"no base64", nil, func(s string) string { return strings.Replace(s, "PrivateKey: ", "PrivateKey: ?", 1) }, "PrivateKey: want base64", k},
		{"another's", nil, func(string) string { b, _ := privateText(other); return string(b) }, "another key's", k},
		{"time", nil, func(s string) string { return s + "Activate: soon\n" }, "Activate \"soon\": want a time", k},
		{"no line", nil, func(s string) string { return s + "nothing\n" }, "want Name: value", k},
		{"too long", nil, func(s string) string { return s + strings.Repeat(";\n", maxKeyFileBytes) }, "want up to 65536 bytes", k},
		{"RSA numbers", nil, func(s string) string { return strings.Replace(s, "Prime1: ", "Prime1: AA", 1) }, "", rsaKey},
		{"no record", func(string) string { return "; nothing\n" }, nil, "want a DNSKEY record", k},
		{"another record", func(string) string { return "roll.example. 60 IN A 192.0.2.1\n" }, nil, "want one record, DNSKEY", k},
		{"two records", func(s string) string { return s + s }, nil, "want one record, DNSKEY", k},
		{"another zone", func(s string) string { return strings.ReplaceAll(s, "roll.example", "other.example") }, nil, "want one of roll.example.", k},
		{"flags", func(s string) string { return strings.Replace(s, "DNSKEY 256", "DNSKEY 0", 1) }, nil, "want a key of a zone", k},
		{"short key", func(s string) string { return strings.Replace(s, k.DNSKEY.PublicKey, "AAAA", 1) }, nil, "want 64", k},
	} {
		d := newDisk(t)
		if err := Write(d, "keys", tc.key); err != nil {
			t.Fatal(err)
		}
		if keys, err := ReadKeys(d, "keys", zone); err != nil || len(keys) != 1 {
			t.Fatalf("%s: before it was broken: %v", tc.name, err)
		}
		entries, _ := d.ReadDir("keys")
		for _, e := range entries {
			change := tc.public
			if strings.HasSuffix(e.Name(), ".private") {
				change = tc.secret
			}
			if change != nil {
				name := path.Join("keys", e.Name())
				if err := replace(d, name, []byte(change(text(t, d, name))), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		_, err := ReadKeys(d, "keys", zone)
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "keys/Kroll.example.+0") {
			t.Errorf("%s: got %v, want the file and %q", tc.name, err, tc.want)
		}
	}
	if _, err := ReadKeys(newDisk(t), "nowhere", zone); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: got %v", err)
	}
}

// FuzzKeyFiles reads anything as a key's two files, and what it accepts it writes
// and reads again.
func FuzzKeyFiles(f *testing.F) {
	for i, a := range algorithms {
		k := newKey(f, KeyOptions{Zone: dns.MustParseName("roll.example"), Algorithm: a}, byte(i))
		b, err := privateText(k)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(publicText(k), b)
	}
	f.Fuzz(func(t *testing.T, public, private []byte) {
		k, err := parsePublic(public, "file")
		if err != nil {
			return
		}
		signer, a, tm, err := parsePrivate(private)
		if err != nil {
			return
		}
		k.Signer, k.Timing = signer, tm
		zone, err := dns.ParseName(k.DNSKEY.Hdr.Name)
		if err != nil || a != k.Algorithm() {
			return
		}
		if _, err := newSigner(k, zone); err != nil {
			return
		}
		b, err := privateText(k)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parsePublic(publicText(k), "file")
		if err != nil || again.DNSKEY.PublicKey != k.DNSKEY.PublicKey {
			t.Fatalf("%v, from %q", err, publicText(k))
		}
		if _, _, _, err := parsePrivate(b); err != nil {
			t.Fatal(err)
		}
	})
}
