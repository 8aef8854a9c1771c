package web

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// maxSetCookies is how many Set-Cookie fields of one answer are looked at.
const maxSetCookies = 50

// NewCookies is an empty memory for Client.Cookies, as browsers have it: a site cannot set cookies
// for another, nor for all of a public suffix such as co.uk. Cookies grow old by the real clock,
// also in the simulator. Safe for concurrent use.
func NewCookies() http.CookieJar {
	jar, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	if err != nil {
		panic("web: internal error: cookiejar.New: " + err.Error()) // it never fails
	}
	return jar
}

// addCookies adds what is kept for where x goes. A request that says its cookies itself has its
// way.
func (c *Client) addCookies(x *hop) {
	if c.Cookies == nil || x.r.Header.Has("Cookie") {
		return
	}
	var pairs []string
	for _, k := range c.Cookies.Cookies(x.r.url) {
		// String drops what could end the cookie or the field.
		pairs = append(pairs, (&http.Cookie{Name: k.Name, Value: k.Value, Quoted: k.Quoted}).String())
	}
	if len(pairs) > 0 {
		x.head.Add("Cookie", strings.Join(pairs, "; "))
	}
}

// keepCookies keeps what an answer sets.
func (c *Client) keepCookies(u *url.URL, h *Header) {
	if c.Cookies == nil || !h.Has("Set-Cookie") {
		return
	}
	var set []*http.Cookie
	for i, line := range h.Values("Set-Cookie") {
		if i == maxSetCookies {
			break
		}
		if k, err := http.ParseSetCookie(line); err == nil {
			set = append(set, k)
		}
	}
	c.Cookies.SetCookies(u, set)
}
