package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// FuzzNewRequest: whatever a URL is, it is refused or makes one line of one request.
func FuzzNewRequest(f *testing.F) {
	for _, s := range []string{"http://a/b?c=d#e", "https://user:pass@[::1]:443/%2f", "http://a\r\nb/", "//a", "http://a?b", "http://a/..//%zz", "HTTP://A:80"} {
		f.Add("GET", s)
	}
	f.Fuzz(func(t *testing.T, method, url string) {
		r, err := web.NewRequest(method, url)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("%q %q: the error has more than a line: %q", method, url, err)
			}
			return
		}
		if !http1.ValidMethod(r.Method) || !http1.ValidTarget(r.Method, r.Target()) || !http1.ValidHost(r.Host()) || r.Host() == "" {
			t.Errorf("%q %q: got %q, %q", method, url, r.Target(), r.Host())
		}
		if r.URL().User != nil {
			t.Errorf("%q: the password stays in the URL", url)
		}
	})
}

// FuzzAnswer: whatever a server says, and wherever it is cut, comes to the same end, and leaves
// nothing behind.
func FuzzAnswer(f *testing.F) {
	for _, a := range answers {
		if len(a.said) < 500 {
			f.Add([]byte(strings.TrimSuffix(strings.TrimSuffix(a.said, "<close>"), "<reset>")), uint16(20))
		}
	}
	f.Add([]byte(redirectTo(302, "/x")), uint16(9))
	f.Add([]byte(coded("gzip", gzipped("hello"))), uint16(90))
	f.Fuzz(func(t *testing.T, said []byte, cut uint16) {
		if len(said) > 4<<10 || strings.HasSuffix(string(said), "<reset>") {
			return
		}
		var ends []string
		for _, at := range []int{0, int(cut) % (len(said) + 1)} {
			var end string
			asks(t, &cutter{said: string(said) + "<close>", cut: at}, &web.Client{MaxRedirects: 2}, func(co *deferred.Co, w *sim.World, c *web.Client) error {
				status, body, err := get(co, c, "http://server/")
				end = fmt.Sprint(status, body, err)
				return nil
			})
			ends = append(ends, end)
		}
		if ends[0] != ends[1] {
			t.Errorf("cut at %d: got %q, whole: %q", cut, ends[1], ends[0])
		}
	})
}
