package dns

import (
	"crypto/hmac"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"time"
)

const (
	// tsigFudge is how many seconds two clocks may differ, unless the other
	// side allows less.
	//
	// See https://www.rfc-editor.org/rfc/rfc8945#section-10.
	tsigFudge = 300
	// maxUnsigned is how many messages of an answer in several may stand
	// between two that are signed.
	//
	// See https://www.rfc-editor.org/rfc/rfc8945#section-5.3.1.
	maxUnsigned = 99
	maxMACBytes = 64

	rcodeBadTruncation = 22
)

// A TSIGError is a signature that is missing or wrong, or that the other side
// says is. Rcode is NOTAUTH if it is missing, FORMERR if it cannot be read;
// else BADSIG (16), BADKEY, BADTIME or BADTRUNC (22), as in the record.
type TSIGError struct {
	Key   Name // nil: not known
	Rcode Rcode
	Text  string
}

// Error says what is wrong with whose signature.
func (e *TSIGError) Error() string {
	code := e.Rcode.String()
	if e.Rcode == RcodeBadVersion {
		code = "BADSIG"
	}
	return fmt.Sprintf("dns: TSIG key %s: %s: %s", e.Key, code, e.Text)
}

// A Signing is TSIG over one request and all messages of its answer, on either
// side: each signature covers the one before. The messages go through it in
// their order. Loop-only.
type Signing struct {
	key   *TSIGKey
	how   *tsigAlgorithm
	size  int // bytes of our signatures
	least int // bytes of theirs

	mac      [maxMACBytes]byte
	macBytes int // of the last signature
	fudge    uint16
	unsigned int       // messages since
	body     hash.Hash // over those; nil: none
	later    bool      // the next message is not the answer's first

	// Of a request that is to be refused: what the answer's record says.
	rcode    Rcode
	keyName  Name   // of a key that we do not have
	howName  Name   // and of an algorithm
	time     uint64 // theirs, for BADTIME
	unproven bool   // the answer cannot be signed
}

// Sign signs the request p, which is a whole message, at now, and returns it
// with the signature behind it, and what verifies the answer.
func (k *TSIGKey) Sign(p []byte, now time.Time) ([]byte, *Signing, error) {
	g := new(Signing)
	if err := g.use(k); err != nil {
		return nil, nil, err
	}
	p = g.append(p, now)
	g.later = false
	return p, g, nil
}

// use has g sign with k.
func (g *Signing) use(k *TSIGKey) (err error) {
	g.how, g.size, err = k.algorithm()
	g.key, g.least, g.fudge = k, g.size, tsigFudge
	return err
}

// Key is the key's name.
func (g *Signing) Key() Name { return g.key.Name }

// Verify verifies the request p at now. Without a signature it returns nil and
// no error. If the signature is wrong it returns a *TSIGError, and a Signing
// that signs the refusal as RFC 8945 wants it. Only *TSIGError with FORMERR
// comes without one.
func (r *Keyring) Verify(p []byte, now time.Time) (*Signing, error) {
	at, err := findTSIG(p)
	if err != nil {
		return nil, &TSIGError{Rcode: RcodeFormatError, Text: err.Error()}
	}
	if at == 0 {
		return nil, nil
	}
	g := new(Signing)
	if err := g.verifyRequest(r, p, at, now); err != nil {
		if e, ok := errors.AsType[*TSIGError](err); ok && e.Rcode == RcodeFormatError {
			return nil, err
		}
		return g, err
	}
	return g, nil
}

// verifyRequest verifies the request p, whose TSIG record is at at, in the
// order that is prescribed.
//
// See https://www.rfc-editor.org/rfc/rfc8945#section-5.2.
func (g *Signing) verifyRequest(r *Keyring, p []byte, at int, now time.Time) error {
	*g = Signing{}
	var t tsigRecord
	if err := t.read(p, at); err != nil {
		return err
	}
	key := r.Find(t.name)
	if key == nil || g.use(key) != nil || string(t.algorithm) != string(g.how.name) {
		g.rcode, g.unproven = RcodeBadKey, true
		g.keyName, g.howName = t.name.Clone(), t.algorithm.Clone()
		return &TSIGError{g.keyName, RcodeBadKey, "no such key, with that algorithm"}
	}
	g.keyName, g.howName = key.Name, g.how.name
	err := g.check(p, at, &t, now)
	g.later, g.unsigned = false, 0
	if e, ok := errors.AsType[*TSIGError](err); ok {
		g.rcode, g.time = e.Rcode, t.time
		g.unproven = e.Rcode == RcodeBadVersion // BADSIG
	}
	g.size = max(g.size, min(len(t.mac), g.how.bytes))
	return err
}

// Verify verifies p, the next message of the answer, at now, and returns it
// without its signature. The first message must be signed, and the last; in
// between up to 99 in a row need not be: they are proven once Proven is true.
// It writes into p. Errors are *TSIGError.
func (g *Signing) Verify(p []byte, now time.Time) ([]byte, error) {
	at, err := findTSIG(p)
	if err != nil {
		return nil, &TSIGError{g.key.Name, RcodeFormatError, err.Error()}
	}
	if at == 0 {
		if !g.later || g.unsigned == maxUnsigned {
			return nil, &TSIGError{g.key.Name, RcodeNotAuth, "the answer is not signed"}
		}
		g.start()
		g.body.Write(p)
		g.unsigned++
		return p, nil
	}
	var t tsigRecord
	if err := t.read(p, at); err != nil {
		return nil, err
	}
	if string(t.name) != string(g.key.Name) || string(t.algorithm) != string(g.how.name) {
		return nil, &TSIGError{g.key.Name, RcodeBadKey, "the answer is signed with another key"}
	}
	if len(t.mac) == 0 && t.rcode != 0 {
		return nil, &TSIGError{g.key.Name, t.rcode, "says the server"}
	}
	if err := g.check(p, at, &t, now); err != nil {
		return nil, err
	}
	if t.rcode != 0 {
		return nil, &TSIGError{g.key.Name, t.rcode, "says the server"}
	}
	binary.BigEndian.PutUint16(p[10:], binary.BigEndian.Uint16(p[10:])-1)
	return p[:at], nil
}

// Proven reports whether the message that was verified last was signed: what
// the end of an answer must be.
func (g *Signing) Proven() bool { return g.later && g.unsigned == 0 }

// Sign signs p, the next message of the answer, at now, and returns it with the
// signature behind it.
func (g *Signing) Sign(p []byte, now time.Time) []byte { return g.append(p, now) }

// bytes is how long the records of our signatures are, at most.
func (g *Signing) bytes() int {
	const fixed = 10 + 16 + 6 // with the time that BADTIME adds
	return len(g.keyName) + len(g.howName) + fixed + g.size
}

// start begins a signature: the one before is under it.
func (g *Signing) start() {
	if g.body != nil {
		return
	}
	g.body = hmac.New(g.how.hash, []byte(g.key.Secret.Reveal()))
	if g.macBytes > 0 {
		var size [2]byte
		binary.BigEndian.PutUint16(size[:], uint16(g.macBytes))
		g.body.Write(size[:])
		g.body.Write(g.mac[:g.macBytes])
	}
}

// variables are what of the record itself is signed: of messages behind the
// first only the times.
//
// See https://www.rfc-editor.org/rfc/rfc8945#section-4.3.
func (g *Signing) variables(b []byte, t *tsigRecord) []byte {
	if !g.later {
		b = append(b, t.name...)
		b = append(b, 0, ClassANY, 0, 0, 0, 0)
		b = append(b, t.algorithm...)
	}
	b = t.appendTimes(b)
	if !g.later {
		b = t.appendError(b)
	}
	return b
}

// check compares the signature of p, and the clocks.
func (g *Signing) check(p []byte, at int, t *tsigRecord, now time.Time) error {
	if len(t.mac) > g.how.bytes || len(t.mac) < g.how.shortest() {
		return &TSIGError{g.key.Name, RcodeFormatError, fmt.Sprintf("a signature of %d bytes: want %d to %d", len(t.mac), g.how.shortest(), g.how.bytes)}
	}
	g.start()
	// What was signed is the message before the record was added to it.
	var head [headerBytes]byte
	copy(head[:], p)
	binary.BigEndian.PutUint16(head[:], t.id)
	binary.BigEndian.PutUint16(head[10:], binary.BigEndian.Uint16(head[10:])-1)
	g.body.Write(head[:])
	g.body.Write(p[headerBytes:at])
	var buf [tsigBytes + MaxNameBytes]byte
	g.body.Write(g.variables(buf[:0], t))
	var sum [maxMACBytes]byte
	want := g.body.Sum(sum[:0])
	g.body = nil
	if subtle.ConstantTimeCompare(want[:len(t.mac)], t.mac) != 1 {
		return &TSIGError{g.key.Name, RcodeBadVersion, "the signature does not fit the message"}
	}
	g.macBytes = copy(g.mac[:], t.mac)
	g.later, g.unsigned = true, 0
	if d := now.Unix() - int64(t.time); d > int64(t.fudge) || -d > int64(t.fudge) {
		return &TSIGError{g.key.Name, RcodeBadTime, fmt.Sprintf("the clocks differ by %d s: want up to %d", d, t.fudge)}
	}
	if len(t.mac) < g.least {
		return &TSIGError{g.key.Name, rcodeBadTruncation, fmt.Sprintf("a signature of %d bytes: want %d", len(t.mac), g.least)}
	}
	return nil
}

// append adds a record to p that signs it, and counts it.
func (g *Signing) append(p []byte, now time.Time) []byte {
	t := tsigRecord{name: g.keyName, algorithm: g.howName, time: uint64(now.Unix()), fudge: tsigFudge, rcode: g.rcode,
		id: binary.BigEndian.Uint16(p)}
	if t.name == nil {
		t.name, t.algorithm = g.key.Name, g.how.name
	}
	var other [6]byte
	if g.rcode == RcodeBadTime {
		// "the server's current time ... in the Other Data", and the client's
		// as the time of the signature, so that it can verify it.
		// https://www.rfc-editor.org/rfc/rfc8945#section-5.2.3
		putTime(other[:], t.time)
		t.other, t.time = other[:], g.time
	}
	if !g.unproven {
		g.start()
		g.body.Write(p)
		var buf [tsigBytes + MaxNameBytes]byte
		g.body.Write(g.variables(buf[:0], &t))
		var sum [maxMACBytes]byte
		g.macBytes = copy(g.mac[:], g.body.Sum(sum[:0])[:g.size])
		g.body, g.later = nil, true
		t.mac = g.mac[:g.macBytes]
	}
	p = t.append(p)
	binary.BigEndian.PutUint16(p[10:], binary.BigEndian.Uint16(p[10:])+1)
	return p
}
