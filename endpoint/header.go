package endpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// A header is what a proxy says of the client it speaks for: the PROXY
// protocol, https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
type header struct {
	// source is the client, and destination what it connected to. Both are
	// nil if the proxy speaks for itself or does not know.
	source, destination net.Addr
}

const (
	maxHeader1 = 107       // of version 1, with its CRLF: section 2.1
	maxHeader2 = 16 + 4096 // of version 2, whose own limit is 64 KiB: what comes after the addresses is skipped
)

// signature begins version 2; no text protocol begins so.
const signature = "\r\n\r\n\x00\r\nQUIT\n"

var errHeader = errors.New("not a PROXY header")

// parseHeader reads the header that p begins with, and says how long it is: 0
// means that p is too short to tell. It never wants more than maxHeader2
// bytes. The error wraps errHeader.
func parseHeader(p []byte) (h header, n int, err error) {
	switch {
	case begins(p, signature):
		return parseHeader2(p)
	case begins(p, "PROXY "):
		return parseHeader1(p)
	}
	return h, 0, fmt.Errorf("%w: want PROXY or the signature of version 2 first, got %q", errHeader, p[:min(len(p), 16)])
}

// begins reports whether p begins with s, or is too short to tell.
func begins(p []byte, s string) bool {
	n := min(len(p), len(s))
	return string(p[:n]) == s[:n]
}

// parseHeader1 reads version 1, a line:
//
//	PROXY TCP4 192.0.2.1 192.0.2.2 56324 443
//
// What follows UNKNOWN, up to the end of the line, is to be ignored.
func parseHeader1(p []byte) (h header, n int, err error) {
	end := bytes.Index(p[:min(len(p), maxHeader1)], []byte("\r\n"))
	if end < 0 {
		if len(p) >= maxHeader1 {
			return h, 0, fmt.Errorf("%w: want its CRLF within %d bytes", errHeader, maxHeader1)
		}
		return h, 0, nil
	}
	n = end + 2
	words := strings.Split(string(p[:end]), " ")
	if len(words) > 1 && words[1] == "UNKNOWN" {
		return h, n, nil
	}
	if len(words) != 6 || words[1] != "TCP4" && words[1] != "TCP6" {
		return h, 0, fmt.Errorf("%w: want TCP4 or TCP6 and four words after it, or UNKNOWN, got %q", errHeader, p[:end])
	}
	var ends [2]net.Addr
	for i := range ends {
		ip, err := netip.ParseAddr(words[2+i])
		port, ok := portNumber(words[4+i])
		if err != nil || ip.Is4() != (words[1] == "TCP4") || ip.Zone() != "" || !ok {
			return h, 0, fmt.Errorf("%w: want addresses and ports of %s, got %q", errHeader, words[1], p[:end])
		}
		ends[i] = net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip.Unmap(), port))
	}
	return header{source: ends[0], destination: ends[1]}, n, nil
}

// portNumber parses a port of version 1, which has no leading zeros.
func portNumber(s string) (uint16, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil
}

// parseHeader2 reads version 2: the signature, a byte of version and command,
// one of address family and transport, two of length, and the addresses;
// section 2.2.
func parseHeader2(p []byte) (h header, n int, err error) {
	if len(p) < 16 {
		return h, 0, nil
	}
	n = 16 + int(binary.BigEndian.Uint16(p[14:]))
	switch version, command := p[12]>>4, p[12]&15; {
	case version != 2:
		return h, 0, fmt.Errorf("%w: version %d: want 2", errHeader, version)
	case command > 1:
		return h, 0, fmt.Errorf("%w: command %d: want LOCAL or PROXY", errHeader, command)
	case n > maxHeader2:
		return h, 0, fmt.Errorf("%w: %d bytes long: want at most %d", errHeader, n, maxHeader2)
	case len(p) < n:
		return h, 0, nil
	case command == 0: // LOCAL: the proxy speaks for itself
		return h, n, nil
	}
	h, err = parseAddresses(p[13]>>4, p[13]&15, p[16:n])
	return h, n, err
}

// parseAddresses reads the addresses of version 2; what follows them (TLVs) is
// skipped.
func parseAddresses(family, transport byte, p []byte) (h header, err error) {
	if family > 3 || transport > 2 {
		return h, fmt.Errorf("%w: family %d, transport %d: want at most 3 and 2", errHeader, family, transport)
	}
	if family == 0 || transport == 0 { // UNSPEC: what address there is, is to be ignored
		return h, nil
	}
	size := [...]int{1: 4 + 2, 2: 16 + 2, 3: 108}[family]
	if len(p) < 2*size {
		return h, fmt.Errorf("%w: %d bytes of addresses: want %d", errHeader, len(p), 2*size)
	}
	if family == 3 {
		network := [...]string{1: "unix", 2: "unixgram"}[transport]
		return header{
			source:      &net.UnixAddr{Name: pathName(p[:108]), Net: network},
			destination: &net.UnixAddr{Name: pathName(p[108:216]), Net: network},
		}, nil
	}
	width := size - 2
	var ends [2]net.Addr
	for i := range ends {
		ip, _ := netip.AddrFromSlice(p[i*width : (i+1)*width])
		at := netip.AddrPortFrom(ip.Unmap(), binary.BigEndian.Uint16(p[2*width+2*i:]))
		if transport == 1 {
			ends[i] = net.TCPAddrFromAddrPort(at)
		} else {
			ends[i] = net.UDPAddrFromAddrPort(at)
		}
	}
	return header{source: ends[0], destination: ends[1]}, nil
}

// pathName is the path of a UNIX address, which NUL bytes fill up.
func pathName(p []byte) string {
	if p[0] == 0 { // abstract, or no name
		if p = bytes.TrimRight(p[1:], "\x00"); len(p) == 0 {
			return ""
		}
		return "@" + string(p)
	}
	name, _, _ := bytes.Cut(p, []byte{0})
	return string(name)
}
