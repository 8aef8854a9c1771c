package dnssec

import (
	"fmt"
	"io"

	"github.com/twistor-go/twistor/protocol/dns"
)

// maxAnchors is how many records ReadAnchors takes.
const maxAnchors = 1000

// RootAnchors are the keys of the root that are trusted from the beginning, as
// IANA publishes them: those of 2017 and of 2024.
//
// See https://data.iana.org/root-anchors/root-anchors.xml.
func RootAnchors() []*dns.DS {
	header := dns.RecordHeader{Name: ".", Rrtype: dns.TypeDS, Class: dns.ClassIN, Ttl: 172800}
	return []*dns.DS{
		{Hdr: header, KeyTag: 20326, Algorithm: uint8(RSASHA256), DigestType: DigestSHA256,
			Digest: "e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d"},
		{Hdr: header, KeyTag: 38696, Algorithm: uint8(RSASHA256), DigestType: DigestSHA256,
			Digest: "683d2d0acb8c9b712a1948b27f741219298d0a450d612c483af444a4c0fb2b16"},
	}
}

// ReadAnchors reads keys to be trusted, for their zones and what is below, from
// a file of DS and DNSKEY records as zone files have them; name is the file's,
// for errors. A DNSKEY record becomes a DS record. It waits for r: call it on the pool.
func ReadAnchors(r io.Reader, name string) ([]*dns.DS, error) {
	var anchors []*dns.DS
	file := dns.ReadZone(r, dns.ZoneFileOptions{File: name, DefaultTTL: 172800})
	for rr, ok := file.Next(); ok; rr, ok = file.Next() {
		ds, err := anchorOf(rr)
		if err == nil && len(anchors) == maxAnchors {
			err = fmt.Errorf("want up to %d records", maxAnchors)
		}
		if err != nil {
			name, line := file.Line()
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		anchors = append(anchors, ds)
	}
	if err := file.Err(); err != nil {
		return nil, err
	}
	if len(anchors) == 0 {
		return nil, fmt.Errorf("%s: want DS or DNSKEY records, found none", name)
	}
	return anchors, nil
}

func anchorOf(rr dns.RR) (*dns.DS, error) {
	switch rr := rr.(type) {
	case *dns.DS:
		if rr.DigestType != DigestSHA256 && rr.DigestType != DigestSHA384 {
			return nil, fmt.Errorf("DS with digest %d: want %d (SHA-256) or %d (SHA-384)", rr.DigestType, DigestSHA256, DigestSHA384)
		}
		if !Algorithm(rr.Algorithm).Supported() {
			return nil, fmt.Errorf("DS with algorithm %d: want a supported one", rr.Algorithm)
		}
		return rr, nil
	case *dns.DNSKEY:
		if !Algorithm(rr.Algorithm).Supported() || rr.Flags&FlagZone == 0 || rr.Flags&FlagRevoke != 0 {
			return nil, fmt.Errorf("DNSKEY with flags %d and algorithm %d: want a zone's key of a supported one", rr.Flags, rr.Algorithm)
		}
		return NewDS(rr, DigestSHA256)
	}
	return nil, fmt.Errorf("%s: want DS or DNSKEY records", dns.Type(rr.Header().Rrtype))
}
