package guard

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/cred"
)

// maxProven is how many logins are remembered.
const maxProven = 1000

// proven remembers what was right, and what is being checked: browsers send
// the same password many times at once, and each check costs as much as a guess
// should. Of a password it has a keyed hash, and of one that was wrong nothing.
// Loop-only.
type proven struct {
	life  time.Duration // negative: nothing is remembered
	key   []byte
	text  []byte // what is hashed, while it is
	known map[proof]*list.Element
	order list.List // of *login, the longest unused first
}

// A proof is the hash of what a client has sent, and of its address.
type proof [sha256.Size]byte

type login struct {
	proof
	id    *deferred.Deferred[cred.Identity]
	until time.Time // zero: it is being checked
}

// check says who it is that sent c.
func (g *Guard[A]) check(co *deferred.Co, l twistor.Loop, c cred.Credentials, from cred.Origin) (cred.Identity, error) {
	p := &g.proven
	var secret twistor.Secret
	switch c := c.(type) {
	case cred.Password:
		secret = c.Secret
	case Bearer:
		secret = c.Token
	default:
		return g.Portal.Check(l, c, from).Await(co) // a Digest is another each time
	}
	if p.life < 0 {
		return g.Portal.Check(l, c, from).Await(co)
	}
	hash, err := p.hash(l, c, secret, from)
	if err != nil {
		return cred.Identity{}, err
	}
	if in := p.find(hash, l.Now()); in != nil {
		if !in.until.IsZero() {
			o, _ := in.id.Result()
			return o.Value, o.Err
		}
		return in.id.Shield().Await(co)
	}
	in := &login{proof: hash, id: g.Portal.Check(l, c, from)}
	p.add(in)
	in.id.Done(func(_ cred.Identity, err error) {
		if err != nil {
			p.forget(in)
			return
		}
		in.until = l.Now().Add(p.life)
	})
	return in.id.Shield().Await(co)
}

// hash makes a proof. The lengths keep parts apart; the key, which is first,
// keeps who sees the table from guessing.
func (p *proven) hash(l twistor.Loop, c cred.Credentials, secret twistor.Secret, from cred.Origin) (h proof, err error) {
	if p.key == nil {
		key := make([]byte, sha256.Size)
		if _, err := io.ReadFull(l.Rand(), key); err != nil {
			return h, err
		}
		p.key = key
	}
	peer := from.Peer.As16()
	text := append(append(p.text[:0], p.key...), peer[:]...)
	for _, part := range [...]string{string(c.Kind()), c.Claim(), secret.Reveal()} {
		text = append(binary.BigEndian.AppendUint64(text, uint64(len(part))), part...)
	}
	h = sha256.Sum256(text)
	clear(text) // it had the password
	p.text = text
	return h, nil
}

// find is a login that is good still, or on its way; nil: none.
func (p *proven) find(hash proof, now time.Time) *login {
	e := p.known[hash]
	if e == nil {
		return nil
	}
	in := e.Value.(*login)
	if !in.until.IsZero() && !now.Before(in.until) {
		p.forget(in)
		return nil
	}
	p.order.MoveToBack(e)
	return in
}

// add remembers a login, and forgets the one longest unused if there are too
// many.
func (p *proven) add(in *login) {
	if p.known == nil {
		p.known = map[proof]*list.Element{}
	}
	p.known[in.proof] = p.order.PushBack(in)
	if len(p.known) > maxProven {
		p.forget(p.order.Front().Value.(*login))
	}
}

// forget forgets a login, if it has not been forgotten.
func (p *proven) forget(in *login) {
	if e := p.known[in.proof]; e != nil && e.Value.(*login) == in {
		p.order.Remove(e)
		delete(p.known, in.proof)
	}
}
