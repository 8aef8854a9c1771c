package web

import (
	"fmt"
	"net/url"

	"golang.org/x/net/http/httpproxy"
)

// ProxyURL is a Client.Proxy that is always the one of that URL, such as
// "http://user:password@proxy.example:3128".
func ProxyURL(text string) (func(*url.URL) (*url.URL, error), error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("web: proxy: want a URL such as http://proxy.example:3128")
	}
	return func(*url.URL) (*url.URL, error) { return u, nil }, nil
}

// ProxyFromEnvironment is a Client.Proxy as the variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY say,
// in either case. They are read now, once: nothing that happens later changes what it says.
// HTTP_PROXY does not count in a CGI program, where a client could have set it.
func ProxyFromEnvironment() func(*url.URL) (*url.URL, error) {
	return httpproxy.FromEnvironment().ProxyFunc()
}
