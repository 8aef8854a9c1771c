package dns

import "github.com/miekg/dns"

// An RR is a resource record: one of the types below, a pointer to it. Whoever
// hands one over does not change it any more.
type RR = dns.RR

// A RecordHeader is what all records begin with: Name in presentation format
// with the final dot, Rrtype, Class, and Ttl in seconds. Rdlength is not looked at.
type RecordHeader = dns.RR_Header

// The types of records, as RFC 1035 and its followers lay them out. A type that
// is not among them is an Unknown (RFC 3597), and served like any other.
//
// See https://www.iana.org/assignments/dns-parameters.
type (
	A          = dns.A
	AAAA       = dns.AAAA
	AFSDB      = dns.AFSDB
	AMTRELAY   = dns.AMTRELAY
	ANY        = dns.ANY
	APL        = dns.APL
	AVC        = dns.AVC
	CAA        = dns.CAA
	CDNSKEY    = dns.CDNSKEY
	CDS        = dns.CDS
	CERT       = dns.CERT
	CNAME      = dns.CNAME
	CSYNC      = dns.CSYNC
	DHCID      = dns.DHCID
	DLV        = dns.DLV
	DNAME      = dns.DNAME
	DNSKEY     = dns.DNSKEY
	DS         = dns.DS
	EID        = dns.EID
	EUI48      = dns.EUI48
	EUI64      = dns.EUI64
	GID        = dns.GID
	GPOS       = dns.GPOS
	HINFO      = dns.HINFO
	HIP        = dns.HIP
	HTTPS      = dns.HTTPS
	IPSECKEY   = dns.IPSECKEY
	ISDN       = dns.ISDN
	KEY        = dns.KEY
	KX         = dns.KX
	L32        = dns.L32
	L64        = dns.L64
	LOC        = dns.LOC
	LP         = dns.LP
	MB         = dns.MB
	MD         = dns.MD
	MF         = dns.MF
	MG         = dns.MG
	MINFO      = dns.MINFO
	MR         = dns.MR
	MX         = dns.MX
	NAPTR      = dns.NAPTR
	NID        = dns.NID
	NIMLOC     = dns.NIMLOC
	NINFO      = dns.NINFO
	NS         = dns.NS
	NSAPPTR    = dns.NSAPPTR
	NSEC       = dns.NSEC
	NSEC3      = dns.NSEC3
	NSEC3PARAM = dns.NSEC3PARAM
	NULL       = dns.NULL
	NXNAME     = dns.NXNAME
	NXT        = dns.NXT
	OPENPGPKEY = dns.OPENPGPKEY
	OPT        = dns.OPT
	PTR        = dns.PTR
	PX         = dns.PX
	RESINFO    = dns.RESINFO
	RKEY       = dns.RKEY
	RP         = dns.RP
	RRSIG      = dns.RRSIG
	RT         = dns.RT
	SIG        = dns.SIG
	SMIMEA     = dns.SMIMEA
	SOA        = dns.SOA
	SPF        = dns.SPF
	SRV        = dns.SRV
	SSHFP      = dns.SSHFP
	SVCB       = dns.SVCB
	TA         = dns.TA
	TALINK     = dns.TALINK
	TKEY       = dns.TKEY
	TLSA       = dns.TLSA
	TSIG       = dns.TSIG
	TXT        = dns.TXT
	UID        = dns.UID
	UINFO      = dns.UINFO
	URI        = dns.URI
	X25        = dns.X25
	ZONEMD     = dns.ZONEMD
	Unknown    = dns.RFC3597
)

// What SVCB and HTTPS records say of a service (RFC 9460), and an APL of
// networks.
type (
	SVCBKeyValue      = dns.SVCBKeyValue
	SVCBMandatory     = dns.SVCBMandatory
	SVCBAlpn          = dns.SVCBAlpn
	SVCBNoDefaultAlpn = dns.SVCBNoDefaultAlpn
	SVCBPort          = dns.SVCBPort
	SVCBIPv4Hint      = dns.SVCBIPv4Hint
	SVCBECHConfig     = dns.SVCBECHConfig
	SVCBIPv6Hint      = dns.SVCBIPv6Hint
	SVCBDoHPath       = dns.SVCBDoHPath
	SVCBOhttp         = dns.SVCBOhttp
	SVCBLocal         = dns.SVCBLocal
	APLPrefix         = dns.APLPrefix
)
