package zone

import (
	"cmp"

	"github.com/twistor-go/twistor/protocol/dns"
)

// namesIn says where in the data of a record of type t names stand: how many
// bytes before them, how many names, and how many bytes behind. Other types have
// none, or none whose case means nothing.
//
// See https://www.rfc-editor.org/rfc/rfc4034#section-6.2 and
// https://www.rfc-editor.org/rfc/rfc6840#section-5.1.
func namesIn(t dns.Type) (before, names, behind int) {
	switch t {
	case dns.TypeNS, dns.TypeCNAME, dns.TypePTR, dns.TypeDNAME, dns.TypeMB, dns.TypeMG, dns.TypeMR, dns.TypeMD, dns.TypeMF:
		return 0, 1, 0
	case dns.TypeMINFO, dns.TypeRP:
		return 0, 2, 0
	case dns.TypeSOA:
		return 0, 2, 20
	case dns.TypeMX, dns.TypeKX, dns.TypeAFSDB, dns.TypeRT:
		return 2, 1, 0
	case dns.TypePX:
		return 2, 2, 0
	case dns.TypeSRV:
		return 6, 1, 0
	}
	return 0, 0, 0
}

// wellFormed reports whether data are such that what we read of them is there:
// libraries pack a record without its name.
func wellFormed(t dns.Type, data []byte) bool {
	switch t {
	case dns.TypeRRSIG:
		return len(data) > 18 && nameBytes(data[18:]) > 0
	case dns.TypeSVCB, dns.TypeHTTPS:
		return len(data) > 2 && nameBytes(data[2:]) > 0
	}
	before, names, behind := namesIn(t)
	if names == 0 {
		return true
	}
	at := before
	for range names {
		if at >= len(data) {
			return false
		}
		size := nameBytes(data[at:])
		if size == 0 {
			return false
		}
		at += size
	}
	return at+behind == len(data)
}

// compareData orders the data of two records of type t. Names that differ in
// case are the same.
func compareData(t dns.Type, a, b []byte) int {
	before, names, behind := namesIn(t)
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if names > 0 && i >= before {
			if i < len(a)-behind {
				x = lower(x)
			}
			if i < len(b)-behind {
				y = lower(y)
			}
			if x == y {
				continue
			}
		}
		return cmp.Compare(x, y)
	}
	return cmp.Compare(len(a), len(b))
}
