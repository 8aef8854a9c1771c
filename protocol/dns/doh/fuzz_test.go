package doh

import (
	"encoding/base64"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
)

// FuzzDecode: what a URL has is a message that DNS can have, encoded in the one
// way that there is, or refused by a status.
func FuzzDecode(f *testing.F) {
	f.Add("dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB")
	f.Add("ct=x&dns=%41AAA&dns=")
	f.Add("dns=AAA=")
	f.Fuzz(func(t *testing.T, query string) {
		p, status, problem := decode(query)
		switch {
		case status == 0 && (problem != "" || len(p) > dns.MaxMessageBytes):
			t.Errorf("got %d bytes, %q", len(p), problem)
		case status == 0:
			if again, status, _ := decode("dns=" + base64.RawURLEncoding.EncodeToString(p)); status != 0 || string(again) != string(p) {
				t.Errorf("got %x, %d; want %x", again, status, p)
			}
		case status != 400 && status != 414 || p != nil:
			t.Errorf("got %d with %x", status, p)
		}
	})
}
