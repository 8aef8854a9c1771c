package page

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twistor-go/twistor/protocol/web/sse"
	"github.com/twistor-go/twistor/protocol/weblog"
)

const (
	// maxListed is how many hits of an event are listed, so about a thousand a second: no
	// person reads more, and no browser draws more. The rest is counted.
	maxListed = 100
	// maxKept and maxKeptBytes are how much is remembered: for browsers that are
	// behind, and, of the last MaxPast, for new ones.
	maxKept      = 2000
	maxKeptBytes = 2 << 20
)

// MaxPast is how many hits a new browser gets, and how many of a former life are
// taken over.
const MaxPast = 500

// An event is what came within a tenth of a second, as it is being put
// together. Its zero is empty.
type event struct {
	first  uint64 // the number of its first hit
	at     time.Time
	count  int    // of its hits
	listed int    // of its hits that have a row
	rows   []byte // separated by commas
	kinds  [6]int // of all hits, by kindOf
	more   [6]int // of those without a row
}

// full reports whether no more hits are listed.
func (e *event) full() bool { return e.listed == maxListed }

// list adds a hit, where e is not full.
func (e *event) list(h weblog.Hit) {
	if e.listed++; e.listed > 1 {
		e.rows = append(e.rows, ',')
	}
	e.rows = appendRow(e.rows, e.first+uint64(e.count), h)
	e.count++
	e.kinds[kindOf(h.Status)]++
}

// reckon adds a hit that is not listed.
func (e *event) reckon(status int) {
	e.count++
	e.kinds[kindOf(status)]++
	e.more[kindOf(status)]++
}

// encode writes e as browsers get it, and forgets nothing.
func (e *event) encode(epoch string) sent {
	next := e.first + uint64(e.count)
	var b strings.Builder
	b.Grow(len(e.rows) + 160)
	b.WriteString(`{"at":` + strconv.FormatInt(e.at.UnixMilli(), 10) +
		`,"first":` + strconv.FormatUint(e.first, 10) + `,"next":` + strconv.FormatUint(next, 10))
	if e.count > e.listed {
		more, _ := json.Marshal(e.more)
		b.WriteString(`,"more":` + string(more))
	}
	b.WriteString(`,"hits":[`)
	b.Write(e.rows)
	b.WriteString("]}")
	return sent{first: e.first, next: next, listed: e.listed, bytes: framed(sse.Event{ID: position(epoch, next), Data: b.String()})}
}

// framed is e as it is sent.
func framed(e sse.Event) []byte {
	p, err := e.Append(nil)
	if err != nil {
		panic("page: internal error: " + err.Error()) // the ids and types are ours
	}
	return p
}

// A sent is an event that browsers got, and others may get yet. Nobody changes
// it: transports hold on to its bytes.
type sent struct {
	first, next uint64 // the hits it is of: first, and the one after the last
	listed      int
	bytes       []byte
}

// A past is what is remembered. Loop-only.
type past struct {
	events []sent // oldest first
	listed int
	bytes  int
	next   uint64
}

// add takes e, and forgets what is too old for it.
func (p *past) add(e sent) {
	p.events = append(p.events, e)
	p.listed += e.listed
	p.bytes += len(e.bytes)
	p.next = e.next
	forget := 0
	for ; forget < len(p.events)-1 && (p.listed > maxKept || p.bytes > maxKeptBytes); forget++ {
		oldest := &p.events[forget]
		p.listed -= oldest.listed
		p.bytes -= len(oldest.bytes)
		*oldest = sent{}
	}
	p.events = p.events[forget:]
}

// after is the first event that has hits from the one numbered at on; nil: there
// is none yet. It can have some before that, if other events were made of them in
// a former life: a browser knows hits by their numbers.
func (p *past) after(at uint64) *sent {
	i, _ := slices.BinarySearchFunc(p.events, at, func(e sent, at uint64) int {
		if e.next <= at {
			return -1
		}
		return 1
	})
	if i == len(p.events) {
		return nil
	}
	return &p.events[i]
}

// recent is the number where the last MaxPast listed hits begin.
func (p *past) recent() uint64 {
	at, listed := p.next, 0
	for _, e := range slices.Backward(p.events) {
		if listed += e.listed; listed > MaxPast {
			break
		}
		at = e.first
	}
	return at
}
