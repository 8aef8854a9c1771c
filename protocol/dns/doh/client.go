package doh

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/web"
)

// A Client asks one server: a dns.Exchanger. Its fields are immutable after
// first use. Loop-only.
type Client struct {
	// URL is where the server answers, such as https://dns.example/dns-query,
	// without parameters. It is a name that Web must be able to look up by other
	// means, or an address: see web.Client's Endpoint.
	URL string
	// Web asks.
	Web *web.Client
	// UseGET has queries in URLs, which caches on the way can answer; else they
	// are POSTs, which are shorter.
	UseGET bool
}

// String is the URL.
func (c *Client) String() string { return c.URL }

// Exchange asks m, padded. It fails with a *web.RequestError if there is no
// answer, and says what came if that is no DNS message.
func (c *Client) Exchange(m *dns.Message) *deferred.Deferred[*dns.Message] {
	r, err := c.request(m)
	if err != nil {
		return deferred.Failed[*dns.Message](c.Web.Loop, err)
	}
	age := uint32(0)
	body := deferred.Chain(c.Web.Do(r), func(p *web.Response) *deferred.Deferred[[]byte] {
		kind, _, _ := strings.Cut(p.Header.Get("Content-Type"), ";")
		if p.Status != http.StatusOK || !strings.EqualFold(strings.TrimSpace(kind), ContentType) {
			p.Close()
			return deferred.Failed[[]byte](c.Web.Loop, fmt.Errorf("doh: %s: status %d, type %.40q: want 200 and %s", c.URL, p.Status, kind, ContentType))
		}
		seconds, _ := strconv.ParseUint(p.Header.Get("Age"), 10, 31)
		age = uint32(seconds)
		return p.Bytes(dns.MaxMessageBytes)
	})
	return deferred.Then(body, func(p []byte) (*dns.Message, error) {
		a, err := dns.ParseMessage(p)
		if err != nil {
			return nil, err
		}
		a.Id = m.Id
		grow(a, age)
		return a, nil
	})
}

// request is the request for m: "the DNS client SHOULD use a DNS ID of 0 in
// every DNS request", so that equal questions are equal requests.
//
// See https://www.rfc-editor.org/rfc/rfc8484#section-4.1.
func (c *Client) request(m *dns.Message) (*web.Request, error) {
	p, err := dns.Padded(m).Pack()
	if err != nil {
		return nil, fmt.Errorf("doh: %w", err)
	}
	if c.UseGET {
		r, err := web.NewRequest(http.MethodGet, c.URL+"?dns="+base64.RawURLEncoding.EncodeToString(p))
		if err == nil {
			r.Header.Set("Accept", ContentType)
		}
		return r, err
	}
	r, err := web.NewRequest(http.MethodPost, c.URL)
	if err == nil {
		r.Header.Set("Accept", ContentType)
		r.Content = web.Bytes(ContentType, p)
	}
	return r, err
}

// grow makes the records of a older by what they were in caches of HTTP.
//
// See https://www.rfc-editor.org/rfc/rfc8484#section-5.1.
func grow(a *dns.Message, seconds uint32) {
	for _, section := range [][]dns.RR{a.Answer, a.Ns, a.Extra} {
		for _, rr := range section {
			if h := rr.Header(); h.Rrtype != dns.TypeOPT {
				h.Ttl -= min(h.Ttl, seconds)
			}
		}
	}
}
