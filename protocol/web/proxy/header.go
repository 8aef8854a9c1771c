package proxy

import (
	"strings"

	"github.com/twistor-go/twistor/protocol/web"
)

// hopByHop are fields that are between two neighbours only
// (https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1), and two that must not reach programs
// behind us: Proxy, which CGI makes HTTP_PROXY of (https://httpoxy.org), and HTTP2-Settings.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade", "TE",
	"Proxy-Authenticate", "Proxy-Authorization", "Proxy-Authentication-Info", "Proxy", "HTTP2-Settings",
}

// endToEnd are fields that others behind us rely on: a Connection field cannot name them away. "A
// sender MUST NOT send a connection option corresponding to a field that is intended for all
// recipients of the content", RFC 9110, section 7.6.1.
var endToEnd = []string{
	"Authorization", "Cookie", "Set-Cookie", "Host", "Cache-Control", "Expires", "Pragma", "Vary", "Age", "Date", "ETag", "Location",
	"Content-Length", "Content-Type", "Content-Encoding", "Content-Range", "Content-Location", "Content-Disposition", "Content-Security-Policy",
	"Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "WWW-Authenticate", "Origin", "Referer", "Range",
	"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Expect", "Trailer", "Max-Forwards", "Via",
	"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Real-IP", "Forwarded", "X-Request-Id", "Traceparent",
}

// maxOptions is how many options of Connection fields are looked at: the fields themselves are
// bounded by the parser, the work of looking for each is bounded here.
const maxOptions = 32

// copyHeader appends what of from goes further to to.
func copyHeader(to, from *web.Header) {
	options := connectionOptions(from)
	for i := range from.Len() {
		name, value := from.At(i)
		if contains(hopByHop, name) || contains(options, name) {
			continue
		}
		to.AddBytes(name, value)
	}
}

// connectionOptions are the fields that from says are for us only.
func connectionOptions(from *web.Header) (options []string) {
	for _, list := range from.Values("Connection") {
		for option := range strings.SplitSeq(list, ",") {
			option = strings.Trim(option, " \t")
			if option == "" || contains(endToEnd, []byte(option)) {
				continue
			}
			if options = append(options, option); len(options) == maxOptions {
				return options
			}
		}
	}
	return options
}

// contains says whether name is in the list, whatever its case.
func contains(list []string, name []byte) bool {
	for _, s := range list {
		if len(s) == len(name) && strings.EqualFold(s, string(name)) {
			return true
		}
	}
	return false
}

// passTE keeps of TE the one option that has to do with who asks: trailers.
func passTE(to, from *web.Header) {
	if from.HasToken("TE", "trailers") {
		to.Set("TE", "trailers")
	}
}
