package dns

import "github.com/miekg/dns"

// namesIn says where in the data of a record of type t there are names that may
// go on elsewhere in the message: skip bytes before them, and how many. Types
// that are younger must not do that; those of them that begin with names are
// looked at too, since libraries are lenient.
//
// See https://www.rfc-editor.org/rfc/rfc3597#section-4.
func namesIn(t Type) (skip, names int) {
	switch t {
	case TypeNS, TypeCNAME, TypePTR, TypeMB, TypeMG, TypeMR, TypeMD, TypeMF, TypeDNAME, TypeNSEC, TypeNXT, TypeNSAPPTR:
		return 0, 1
	case TypeSOA, TypeMINFO, TypeRP, TypeTALINK:
		return 0, 2
	case TypeMX, TypeAFSDB, TypeRT, TypeKX, TypeLP, TypeSVCB, TypeHTTPS:
		return 2, 1
	case TypePX:
		return 2, 2
	case TypeSRV:
		return 6, 1
	case TypeSIG, TypeRRSIG:
		return 18, 1
	}
	return 0, 0
}

// emptyData reports whether records of type t can be without data. Those of
// updates, which say what is to go or to be there, always can (RFC 2136), and
// who updates refuses others.
func emptyData(t Type) bool {
	switch t {
	case TypeNULL, TypeAPL, TypeOPT, TypeANY, TypeNXNAME, TypeEID, TypeNIMLOC:
		return true
	}
	_, known := dns.TypeToRR[uint16(t)]
	return !known
}

// checkData checks the names in the data of the record h of p, and that it has
// data.
func checkData(p []byte, h *recordHead, update bool) error {
	if h.data == h.end {
		if update || emptyData(h.rtype) {
			return nil
		}
		return errNoData
	}
	skip, names := namesIn(h.rtype)
	off := h.data + skip
	if h.rtype == TypeNAPTR { // three strings stand before the name
		off, names = h.data+4, 1
		for range 3 {
			if off < h.end {
				off += 1 + int(p[off])
			}
		}
	}
	var name [MaxNameBytes]byte
	for range names {
		if off >= h.end {
			return errDataCut
		}
		_, end, err := readName(p[:h.end], off, name[:])
		if err != nil {
			return err
		}
		off = end
	}
	return nil
}
