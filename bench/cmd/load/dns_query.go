//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"

	"github.com/twistor-go/twistor/bench/internal/hosts"
)

var (
	domains = flag.Int("names", 1000, "dns: how many names the zone has, of which one is asked for at random")
	flood   = flag.Bool("flood", false, "dns: ask for random names that there are not")
	edns    = flag.Bool("edns", false, "dns: with an OPT record, as resolvers ask")
)

// An inquiry is a query and what is wanted for it.
type inquiry struct {
	id     uint16
	packet []byte
	ends   int // where the question does
	number int // of the name
}

var zoneName = []byte("\x07example\x00")

// ask makes the next query, with this id.
func (q *inquiry) ask(id uint16, r *rand.Rand) {
	q.id = id
	p := append(q.packet[:0], byte(id>>8), byte(id), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	if *edns {
		p[11] = 1
	}
	p = append(p, 0) // the label's length
	if *flood {
		for range 12 {
			p = append(p, 'a'+byte(r.Uint32N(26)))
		}
	} else {
		q.number = int(r.Uint32N(uint32(*domains)))
		p = hosts.Label(p, q.number)
	}
	p[12] = byte(len(p) - 13)
	p = append(p, zoneName...)
	p = append(p, 0, 1, 0, 1)
	q.ends = len(p)
	if *edns {
		p = append(p, 0, 0, 41, 1232>>8, 1232&0xff, 0, 0, 0, 0, 0, 0)
	}
	q.packet = p
}

var errOther = errors.New("an answer to something else")

// check says what is wrong with an answer: it must repeat the question and have
// the address of the name, or say that there is none.
func (q *inquiry) check(p []byte) error {
	if len(p) < q.ends || binary.BigEndian.Uint16(p) != q.id || p[2]&0x80 == 0 || !bytes.Equal(p[12:q.ends], q.packet[12:q.ends]) {
		return errOther
	}
	rcode, answers := p[3]&0xf, binary.BigEndian.Uint16(p[6:])
	if *flood {
		if rcode != 3 || answers != 0 || binary.BigEndian.Uint16(p[8:]) != 1 {
			return fmt.Errorf("rcode %d with %d answers and no SOA, want NXDOMAIN", rcode, answers)
		}
		return nil
	}
	if rcode != 0 || answers != 1 || p[2]&0x04 == 0 {
		return fmt.Errorf("rcode %d with %d answers, want one with authority", rcode, answers)
	}
	address := hosts.Address(q.number)
	// A record whose name points to the question: 12 bytes before its address.
	if at := q.ends + 12; len(p) < at+4 || p[q.ends] != 0xc0 || [4]byte(p[at:]) != address {
		return fmt.Errorf("%x, want the address %v", p, address)
	}
	return nil
}
