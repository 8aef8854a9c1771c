package dns

import (
	"strconv"

	"github.com/miekg/dns"
)

// A Type says what a record holds, and a question asks for.
type Type uint16

// String is the type's mnemonic, or TYPE and the number (RFC 3597 section 5).
func (t Type) String() string {
	if s, ok := dns.TypeToString[uint16(t)]; ok {
		return s
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// The types. They are untyped, so that they fit Type and RecordHeader.Rrtype.
//
// See https://www.iana.org/assignments/dns-parameters.
const (
	TypeA          = 1
	TypeNS         = 2
	TypeMD         = 3
	TypeMF         = 4
	TypeCNAME      = 5
	TypeSOA        = 6
	TypeMB         = 7
	TypeMG         = 8
	TypeMR         = 9
	TypeNULL       = 10
	TypePTR        = 12
	TypeHINFO      = 13
	TypeMINFO      = 14
	TypeMX         = 15
	TypeTXT        = 16
	TypeRP         = 17
	TypeAFSDB      = 18
	TypeX25        = 19
	TypeISDN       = 20
	TypeRT         = 21
	TypeNSAPPTR    = 23
	TypeSIG        = 24
	TypeKEY        = 25
	TypePX         = 26
	TypeGPOS       = 27
	TypeAAAA       = 28
	TypeLOC        = 29
	TypeNXT        = 30
	TypeEID        = 31
	TypeNIMLOC     = 32
	TypeSRV        = 33
	TypeATMA       = 34
	TypeNAPTR      = 35
	TypeKX         = 36
	TypeCERT       = 37
	TypeDNAME      = 39
	TypeOPT        = 41
	TypeAPL        = 42
	TypeDS         = 43
	TypeSSHFP      = 44
	TypeIPSECKEY   = 45
	TypeRRSIG      = 46
	TypeNSEC       = 47
	TypeDNSKEY     = 48
	TypeDHCID      = 49
	TypeNSEC3      = 50
	TypeNSEC3PARAM = 51
	TypeTLSA       = 52
	TypeSMIMEA     = 53
	TypeHIP        = 55
	TypeNINFO      = 56
	TypeRKEY       = 57
	TypeTALINK     = 58
	TypeCDS        = 59
	TypeCDNSKEY    = 60
	TypeOPENPGPKEY = 61
	TypeCSYNC      = 62
	TypeZONEMD     = 63
	TypeSVCB       = 64
	TypeHTTPS      = 65
	TypeSPF        = 99
	TypeUINFO      = 100
	TypeUID        = 101
	TypeGID        = 102
	TypeUNSPEC     = 103
	TypeNID        = 104
	TypeL32        = 105
	TypeL64        = 106
	TypeLP         = 107
	TypeEUI48      = 108
	TypeEUI64      = 109
	TypeNXNAME     = 128
	TypeURI        = 256
	TypeCAA        = 257
	TypeAVC        = 258
	TypeAMTRELAY   = 260
	TypeRESINFO    = 261
	TypeTKEY       = 249
	TypeTSIG       = 250
	TypeIXFR       = 251
	TypeAXFR       = 252
	TypeMAILB      = 253
	TypeMAILA      = 254
	TypeANY        = 255
	TypeTA         = 32768
	TypeDLV        = 32769
)

// A Class is IN but for history, and for those that dynamic updates use.
type Class uint16

// String is the class's mnemonic, or CLASS and the number.
func (c Class) String() string {
	if s, ok := dns.ClassToString[uint16(c)]; ok {
		return s
	}
	return "CLASS" + strconv.Itoa(int(c))
}

// The classes; untyped, as the types are.
const (
	ClassIN   = 1
	ClassCH   = 3
	ClassHS   = 4
	ClassNONE = 254 // of updates, RFC 2136
	ClassANY  = 255
)

// An Opcode is what a message asks to be done.
type Opcode uint8

// The opcodes.
const (
	OpcodeQuery  = 0
	OpcodeIQuery = 1 // obsolete, RFC 3425
	OpcodeStatus = 2
	OpcodeNotify = 4 // RFC 1996
	OpcodeUpdate = 5 // RFC 2136
)

// String is the opcode's mnemonic.
func (o Opcode) String() string {
	if s, ok := dns.OpcodeToString[int(o)]; ok {
		return s
	}
	return "OPCODE" + strconv.Itoa(int(o))
}

// An Rcode says how it went. Those above 15 need EDNS.
type Rcode uint16

// The response codes; untyped, so that they fit Rcode and Message.Rcode.
const (
	RcodeSuccess        = 0
	RcodeFormatError    = 1
	RcodeServerFailure  = 2
	RcodeNameError      = 3 // NXDOMAIN
	RcodeNotImplemented = 4
	RcodeRefused        = 5
	RcodeYXDomain       = 6
	RcodeYXRRset        = 7
	RcodeNXRRset        = 8
	RcodeNotAuth        = 9
	RcodeNotZone        = 10
	RcodeBadVersion     = 16 // of EDNS; BADSIG within a TSIG record
	RcodeBadKey         = 17
	RcodeBadTime        = 18
	RcodeBadCookie      = 23
)

// String is the code's mnemonic, such as NXDOMAIN.
func (r Rcode) String() string {
	if r == RcodeBadVersion {
		return "BADVERS"
	}
	if s, ok := dns.RcodeToString[int(r)]; ok {
		return s
	}
	return "RCODE" + strconv.Itoa(int(r))
}
