package acme

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// TestBadNonce: a nonce that is not known any more is nobody's fault, a few
// times: https://www.rfc-editor.org/rfc/rfc8555#section-6.5.
func TestBadNonce(t *testing.T) {
	r := newRig(t)
	r.ca.fail = func(path string, n int) *http.Response {
		if path == "/order" && n <= maxNonces {
			return refuse(400, "badNonce", "too old")
		}
		return nil
	}
	c := r.certificates("example.com")
	r.start(c)
	if got := r.ca.count["/order"]; got != maxNonces+1 || r.serial(c, "example.com") != "2" {
		t.Errorf("got %d orders and %s, want %d and a certificate", got, c.State(), maxNonces+1)
	}
	r.stop(c)

	r.ca.fail = func(path string, n int) *http.Response {
		if path == "/order" {
			return refuse(400, "badNonce", "always")
		}
		return nil
	}
	r.ca.count["/order"] = 0
	c = r.certificates("example.com")
	r.start(c)
	if got := r.ca.count["/order"]; got != maxNonces+1 {
		t.Errorf("always bad: got %d orders, want %d", got, maxNonces+1)
	}
	r.stop(c)
}

// TestFailures: each is said in State, logged as an error, and tried again when
// Backoff says, or the authority; then it succeeds.
func TestFailures(t *testing.T) {
	for _, tc := range []struct {
		name string
		path string // where the first request fails
		with *http.Response
		want string // in State
		wait time.Duration
	}{
		{"closed", "/dir", refuse(503, "serverInternal", "back soon"), "back soon", 5 * time.Minute},
		{"rate", "/order", with(refuse(429, "rateLimited", "slow down"), "Retry-After", "7200"), "slow down", 2 * time.Hour},
		{"rate by date", "/order", with(refuse(429, "rateLimited", "slow down"), "Retry-After", "Tue, 01 Jan 2030 03:00:00 GMT"), "slow down", 3 * time.Hour},
		{"rate for ever", "/order", with(refuse(429, "rateLimited", "slow down"), "Retry-After", "999999999"), "slow down", 24 * time.Hour},
		{"refused", "/account", refuse(403, "rejectedIdentifier", "not you"), "not you", 5 * time.Minute},
		{"plain http", "/dir", reply(200, map[string]any{"newNonce": "http://ca.example/nonce", "newAccount": "http://ca.example/account", "newOrder": "http://ca.example/order"}), "want https", 5 * time.Minute},
		{"endless", "/dir", raw(200, "application/json", slices.Repeat([]byte(" "), 2<<20)), "too large", 5 * time.Minute},
		{"not JSON", "/order", raw(201, "text/html", []byte("<h1>Hello</h1>")), "error reading order", 5 * time.Minute},
		{"no certificate", "/cert/0", raw(200, "text/plain", []byte("sorry")), "certificate chain is empty", 5 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			failed := false
			r.ca.fail = func(path string, n int) *http.Response {
				if path == tc.path && !failed {
					failed = true
					return tc.with
				}
				return nil
			}
			c := r.certificates("example.com")
			c.Backoff.Jitter = -1
			r.start(c)
			if got := c.State(); !strings.Contains(got, "example.com: acme: ") || !strings.Contains(got, tc.want) {
				t.Errorf("state: got %q, want %q", got, tc.want)
			}
			if !strings.Contains(r.log.String(), "no certificate") {
				t.Errorf("log: got %s, want the failure", r.log)
			}
			r.clock.Advance(tc.wait - 20*time.Second)
			if got := r.serial(c, "example.com"); got != "" {
				t.Errorf("before %v: got certificate %s, want none", tc.wait, got)
			}
			r.clock.Advance(time.Minute)
			if got := r.serial(c, "example.com"); got == "" {
				t.Errorf("after %v: no certificate: %s", tc.wait, c.State())
			}
			if got := c.State(); strings.Contains(got, "acme:") {
				t.Errorf("state: got %q, want no failure", got)
			}
			r.stop(c)
		})
	}
}

// TestFailedChallenge: what the authority found is said, and nothing is left of
// the answer.
func TestFailedChallenge(t *testing.T) {
	r := newRig(t)
	r.ca.look = func(_, domain, _, _ string) error {
		if domain == "two.example" {
			return errors.New("connection refused")
		}
		return nil
	}
	c := r.certificates("one.example", "two.example", "three.example")
	r.start(c)
	if got := c.State(); !strings.HasPrefix(got, "2 of 3 certificates") || !strings.Contains(got, "two.example: acme: tls-alpn-01: authorization is invalid: ") || !strings.Contains(got, "connection refused") {
		t.Errorf("state: got %q", got)
	}
	if got := r.serial(c, "three.example"); got == "" {
		t.Error("one name keeps another from its certificate")
	}
	if s := c.served.Load(); len(s.handshakes)+len(s.files) != 0 {
		t.Error("an answer is left")
	}
	ready := c.Ready()
	sim.NoResult(t, ready)
	ready.Cancel()
	r.stop(c)
}

// TestForeign: an authority that mixes us up with others gets no further, and
// what it has signed is not served.
func TestForeign(t *testing.T) {
	stranger, _, err := newKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for want, set := range map[string]func(*authority){
		`of "other.example": want example.com`: func(ca *authority) { ca.identifies = "other.example" },
		"of another name": func(ca *authority) {
			ca.change = func(t *x509.Certificate, key any) any { t.DNSNames = []string{"other.example"}; return key }
		},
		"of another key": func(ca *authority) {
			ca.change = func(*x509.Certificate, any) any { return &stranger.PublicKey }
		},
	} {
		r := newRig(t)
		set(r.ca)
		c := r.certificates("example.com")
		r.start(c)
		if got := c.State(); !strings.Contains(got, want) || r.serial(c, "example.com") != "" {
			t.Errorf("got %q, want %q", got, want)
		}
		r.stop(c)
	}
}

// TestOtherWay: a way that fails is followed by the other one; and by default
// only ways are used that somebody answers.
func TestOtherWay(t *testing.T) {
	r := newRig(t)
	var used []string
	r.ca.look = func(way, _, _, _ string) error {
		used = append(used, way)
		if way == TLSALPN {
			return errors.New("port 443 is closed")
		}
		return nil
	}
	c := r.certificates("example.com")
	r.start(c)
	r.clock.Advance(10 * time.Minute)
	if got := fmt.Sprint(used); got != "[tls-alpn-01 http-01]" || r.serial(c, "example.com") == "" {
		t.Errorf("got %s, want both, and a certificate", got)
	}
	r.stop(c)

	used = nil
	c = r.certificates("example.org")
	c.Handler(nil)
	r.start(c)
	if got := fmt.Sprint(used); got != "[http-01]" {
		t.Errorf("with a Handler only: got %s, want http-01", got)
	}
	r.stop(c)
}

// TestProtocols: what a factory speaks is offered, before and after Start.
func TestProtocols(t *testing.T) {
	for _, late := range []bool{false, true} {
		r := newRig(t)
		c := r.certificates("example.com")
		if !late {
			c.Factory(speaker{})
		}
		r.start(c)
		if late {
			c.Factory(speaker{})
		}
		state, err := r.handshake(c.Config(), &tls.Config{ServerName: "example.com", NextProtos: []string{"x", "gopher"}})
		if err != nil || state.NegotiatedProtocol != "gopher" {
			t.Errorf("late %v: got %q, %v, want gopher", late, state.NegotiatedProtocol, err)
		}
		r.stop(c)
	}
}

type speaker struct{ twistor.Factory }

func (speaker) NextProtos() []string { return []string{"gopher"} }

// TestBackoff: an authority that fails for a day is not asked more than a well
// known one allows, five times an hour, and Reload asks at once.
func TestBackoff(t *testing.T) {
	r := newRig(t)
	closed := true
	r.ca.fail = func(path string, n int) *http.Response {
		if closed {
			return refuse(503, "serverInternal", "closed")
		}
		return nil
	}
	c := r.certificates("example.com")
	r.start(c)
	r.clock.Advance(time.Hour)
	if got := len(r.ca.asked); got < 3 || got > 5 {
		t.Errorf("in an hour: got %d requests, want 3 to 5", got)
	}
	r.clock.Advance(23 * time.Hour)
	if got := len(r.ca.asked); got > 11 {
		t.Errorf("in a day: got %d requests, want at most 11", got)
	}
	closed = false
	if err := r.do(c.Reload); err != nil {
		t.Error(err)
	}
	if got := r.serial(c, "example.com"); got != "2" {
		t.Errorf("after Reload: got certificate %q, want one", got)
	}
	r.stop(c)
}

// TestRenewalFails: the former certificate serves on, until it expires, and
// that is an error.
func TestRenewalFails(t *testing.T) {
	r := newRig(t)
	c := r.certificates("example.com")
	r.start(c)
	r.ca.fail = func(string, int) *http.Response { return refuse(503, "serverInternal", "closed") }
	r.clock.Advance(80 * day)
	if got := r.serial(c, "example.com"); got != "2" {
		t.Errorf("got certificate %q, want the first", got)
	}
	if !strings.Contains(r.log.String(), "the former serves on") || strings.Contains(r.log.String(), "has expired") {
		t.Errorf("log: got %s", r.log)
	}
	r.clock.Advance(15 * day)
	if !strings.Contains(r.log.String(), "has expired") {
		t.Error("the log does not say that it has expired")
	}
	r.stop(c)
}

// TestOldCertificates: an authority whose certificates are old when they come
// is not asked in a loop.
func TestOldCertificates(t *testing.T) {
	for _, back := range []time.Duration{80 * day, 100 * day} {
		r := newRig(t)
		r.ca.back = back
		c := r.certificates("example.com")
		r.start(c)
		r.clock.Advance(time.Hour)
		if got := len(r.ca.orders); got < 1 || got > 5 {
			t.Errorf("%v old: got %d orders in an hour, want 1 to 5", back, got)
		}
		if got := strings.Contains(c.State(), "want them to agree"); got != (back > 90*day) {
			t.Errorf("%v old: got %q", back, c.State())
		}
		r.stop(c)
	}
}

// TestAccountGone: an authority that has forgotten the account is asked for
// another, of the same key.
func TestAccountGone(t *testing.T) {
	r := newRig(t)
	r.remember()
	c := r.certificates("example.com")
	r.start(c)
	var key any
	for url, k := range r.ca.accounts {
		key = k
		delete(r.ca.accounts, url)
	}
	r.clock.Advance(70 * day)
	if got := r.serial(c, "example.com"); got != "3" {
		t.Errorf("got certificate %q, want 3: %s", got, c.State())
	}
	for _, k := range r.ca.accounts {
		if !k.Equal(key) {
			t.Error("the account is of another key")
		}
	}
	r.stop(c)
	r.sleep()
}

// TestBinding: an account is bound to one elsewhere, and not without its key.
func TestBinding(t *testing.T) {
	for _, tc := range []struct{ key, want string }{
		{"c2VjcmV0IG9mIHRoZSBhdXRob3JpdHk=", ""},
		{"b3RoZXI", "binding is wrong"},
	} {
		r := newRig(t)
		r.ca.bind = []byte("secret of the authority")
		c := r.certificates("example.com")
		c.Binding = &Binding{KID: "kid-1", Key: twistor.Conceal(tc.key)}
		r.start(c)
		if got := c.State(); tc.want == "" && !strings.HasPrefix(got, "1 of 1") || !strings.Contains(got, tc.want) {
			t.Errorf("%q: got %q, want %q", tc.key, got, tc.want)
		}
		r.stop(c)
	}
}

// TestT_28: no key is in any log at any level, nor in what prints a
// Certificates; it is in the Store, or this test would prove nothing.
func TestT_28(t *testing.T) {
	r := newRig(t)
	r.remember()
	r.ca.bind = []byte("secret of the authority")
	c := r.certificates("example.com")
	c.Binding = &Binding{KID: "kid-1", Key: twistor.Conceal("c2VjcmV0IG9mIHRoZSBhdXRob3JpdHk")}
	fails := true
	r.ca.fail = func(path string, n int) *http.Response {
		if fails && strings.HasPrefix(path, "/finalize") {
			return refuse(500, "serverInternal", "fell over")
		}
		return nil
	}
	r.start(c)
	fails = false
	r.clock.Advance(time.Hour)
	if r.serial(c, "example.com") == "" {
		t.Fatal(c.State())
	}
	r.loop().Log().Info("all", "certificates", c.memory.Issued["example.com"].Key, "account", c.memory.Accounts[caHost+"/dir"].Key)
	said := r.log.String() + fmt.Sprintf("%v %+v %#v", c.memory, c.memory, c.memory) + c.State()
	for _, secret := range []string{"PRIVATE KEY", "c2VjcmV0", "secret of"} {
		if strings.Contains(said, secret) {
			t.Errorf("%q is said", secret)
		}
	}
	if got := strings.Count(r.log.String(), "[redacted]"); got != 2 {
		t.Errorf("got %d redacted keys, want 2", got)
	}
	if c.memory.Issued["example.com"].Key.Reveal() == "" {
		t.Error("there is no key")
	}
	r.stop(c)
	r.sleep()
}

// TestUnkept: a certificate that the disk does not take is served all the same.
func TestUnkept(t *testing.T) {
	r := newRig(t)
	r.remember()
	c := r.certificates("example.com")
	r.ca.look = func(string, string, string, string) error {
		r.clock.FS().(*sim.Disk).FailFrom(0, syscall.ENOSPC, sim.DiskWrite, sim.DiskSync)
		return nil
	}
	r.start(c)
	if got := r.serial(c, "example.com"); got != "2" {
		t.Errorf("got certificate %q, want 2: %s", got, c.State())
	}
	if !strings.Contains(r.log.String(), "certificate is not kept") {
		t.Errorf("log: got %s", r.log)
	}
	r.clock.FS().(*sim.Disk).Repair()
	r.stop(c)
	r.sleep()
	r.clock.Errors() // persist's, of the disk
}

// TestSettings: what is wrong is said before anything is done.
func TestSettings(t *testing.T) {
	for _, tc := range []struct {
		name string
		set  func(*Certificates)
		want string
	}{
		{"none", func(c *Certificates) { c.Domains = nil }, "0 domains: want 1 to 100"},
		{"many", func(c *Certificates) { c.Domains = make([]string, 101) }, "101 domains: want 1 to 100"},
		{"twice", func(c *Certificates) { c.Domains = []string{"a.example", "A.example."} }, "want each name once"},
		{"wildcard", func(c *Certificates) { c.Domains = []string{"*.example.com"} }, "dns-01"},
		{"address", func(c *Certificates) { c.Domains = []string{"192.0.2.1"} }, "want a name, not an address"},
		{"alphabet", func(c *Certificates) { c.Domains = []string{"bücher.example"} }, "xn--"},
		{"label", func(c *Certificates) { c.Domains = []string{"a..example"} }, "want labels"},
		{"hyphen", func(c *Certificates) { c.Domains = []string{"-a.example"} }, "want labels"},
		{"long", func(c *Certificates) { c.Domains = []string{strings.Repeat("a.", 127)} }, ""},
		{"too long", func(c *Certificates) { c.Domains = []string{strings.Repeat("a.", 127) + "b"} }, "want 1 to 253 bytes"},
		{"terms", func(c *Certificates) { c.TermsAgreed = false }, "want TermsAgreed"},
		{"plain", func(c *Certificates) { c.Directory = "http://ca.example/dir" }, "want an https URL"},
		{"contact", func(c *Certificates) { c.Contact = []string{"admin"} }, "want a mail address"},
		{"challenge", func(c *Certificates) { c.Challenges = []string{"dns-01"} }, "want tls-alpn-01 or http-01"},
		{"KID", func(c *Certificates) { c.Binding = &Binding{} }, "no KID"},
		{"MAC key", func(c *Certificates) { c.Binding = &Binding{KID: "a", Key: twistor.Conceal("in the *clear*")} }, "want base64url"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			c := r.certificates("example.com")
			tc.set(c)
			err := r.do(func(co *deferred.Co) error { return c.Start(co, service.On(r.loop())) })
			if tc.want == "" {
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
				r.stop(c)
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "clear") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if len(r.ca.asked) != 0 {
				t.Errorf("asked the authority for %q", r.ca.asked)
			}
		})
	}
}

// TestStopMeanwhile: Stop ends an order wherever it is, and Start comes again.
func TestStopMeanwhile(t *testing.T) {
	r := newRig(t)
	c := r.certificates("example.com")
	for i := range 30 {
		begun := deferred.Inline(r.loop(), func(co *deferred.Co) (struct{}, error) {
			return struct{}{}, c.Start(co, service.On(r.loop()))
		})
		begun.Done(nil)
		for range i {
			r.clock.Advance(0)
		}
		ready := c.Ready()
		r.stop(c)
		if o, ok := ready.Result(); !ok || o.Err != nil && !errors.Is(o.Err, service.ErrStopped) {
			t.Errorf("after %d steps: ready is %v, %v", i, o, ok)
		}
	}
	r.start(c)
	if got := r.serial(c, "example.com"); got == "" {
		t.Errorf("no certificate: %s", c.State())
	}
	err := r.do(func(co *deferred.Co) error { return c.Start(co, service.On(r.loop())) })
	if !errors.Is(err, service.ErrRunning) {
		t.Errorf("second Start: got %v, want ErrRunning", err)
	}
	r.stop(c)
}
