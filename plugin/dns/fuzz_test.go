package dns

import (
	"errors"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/plugin"
)

// FuzzOptions: whatever is typed, either a usage error says so, or there is a
// service: nothing panics when it is made.
func FuzzOptions(f *testing.F) {
	for _, s := range []string{
		"a=f", "a=192.0.2.1,key:k", "192.0.2.1:53/a", "[2001:db8::1]:53", "tls://192.0.2.1#n", "https://h/dns-query", "https://[", "10.0.0.0/8", "any",
		"key:k", "a=key:k", "k:c2VjcmV0", "hmac-sha256:k:c2VjcmV0", "64M", "0", "1T", "dns:53", "https:443:cert=c", "\\", "a..b", "=", ",", "/", "key:", "iB", "KiB",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, fill := range []func(c *Config){
			func(c *Config) { c.Listen = []string{s} },
			func(c *Config) { c.Zones = []string{s} },
			func(c *Config) { c.Secondaries = []string{s} },
			func(c *Config) { c.Zones, c.Notify = []string{"f"}, []string{s} },
			func(c *Config) { c.Forward = []string{s} },
			func(c *Config) { c.Recursive, c.Private, c.Validate = true, []string{s}, s },
			func(c *Config) { c.CacheSize = s },
			func(c *Config) { c.AllowQuery, c.AllowRecursion = []string{s}, []string{s} },
			func(c *Config) { c.Zones, c.AllowTransfer, c.TSIG = []string{"f"}, []string{s}, []string{"keys"} },
			func(c *Config) { c.Zones, c.AllowUpdate, c.TSIG = []string{"f"}, []string{s}, []string{"keys"} },
			func(c *Config) { c.TSIG = []string{s} },
		} {
			c := New()
			fill(c)
			_, err := c.Service()
			if _, usage := errors.AsType[*plugin.Error](err); err != nil && !usage {
				t.Errorf("got %v, want a usage error", err)
			}
		}
	})
}

// FuzzNameOfZone: a file's first record says which zone it is, or what is wanted is
// said.
func FuzzNameOfZone(f *testing.F) {
	for _, s := range []string{apex("1"), "$ORIGIN a.\nb IN SOA", "$ORIGIN\n", " SOA", ";\n\n@", "a.b. SOA", "\\", "$TTL 1\n..", "\ufeff@ SOA"} {
		f.Add("example.zone", s)
	}
	f.Fuzz(func(t *testing.T, file, text string) {
		n, err := nameOfZone(strings.NewReader(text), file)
		if err != nil && !strings.Contains(err.Error(), "want ") {
			t.Errorf("got %v, want it to say what is wanted", err)
		}
		if err == nil && len(n) == 0 {
			t.Error("got no name and no error")
		}
	})
}
