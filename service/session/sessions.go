package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service"
)

// What Sessions do when their fields are zero.
const (
	DefaultIdle          = 15 * time.Minute
	DefaultLifetime      = 24 * time.Hour
	DefaultMaxSessions   = 10_000
	DefaultMaxValueBytes = 4 << 10
	DefaultName          = "session"
)

var (
	// ErrFull: there are MaxSessions, and none that gives way.
	ErrFull = errors.New("session: too many sessions")
	// ErrLate: a session cannot begin or be rotated, because the head of the
	// answer, which would have the cookie, has left.
	ErrLate = errors.New("session: the head of the answer has left")
	// ErrOver: the session was over before it was saved: by another request, or
	// by time.
	ErrOver = errors.New("session: it is over")
	// ErrTooLarge: the value is longer than MaxValueBytes.
	ErrTooLarge = errors.New("session: the value is too large")
)

// Sessions is the service that keeps the sessions of visitors, each with a T:
// what JSON keeps of it. Fill in the fields, start it before the ports, and put
// its Handler around those of the site. Loop-only, but Handler and Protect,
// which serve on any loop.
type Sessions[T any] struct {
	// Idle is how long a session is kept after its last request; 0: 15 minutes;
	// negative: as long as Lifetime allows.
	Idle time.Duration
	// Lifetime is how long it is kept at all; 0: 24 hours; negative: for ever.
	Lifetime time.Duration
	// MaxSessions is how many there may be; 0: 10,000. Beyond, the one of those
	// that were never rotated gives way that is longest unused.
	MaxSessions int
	// MaxValueBytes is how long a value may be, as JSON; 0: 4,096.
	MaxValueBytes int
	// Name is the cookie's; "": session. Over TLS it has __Host- before it.
	Name string
	// SameSite is the cookie's; zero: SameSiteLax. SameSiteStrict sends visitors
	// who follow a link from elsewhere without it.
	SameSite web.SameSite
	// Secure says that visitors come by TLS though the server does not see it,
	// as behind a proxy. See also web.Proxies.
	Secure bool
	// Origins are other sites whose pages may ask in a visitor's name, for
	// Protect: "https://app.example.com"; nil: none. They need a token too.
	Origins []string
	// Forms bounds the forms in which Protect looks for a Token; zero: the
	// defaults of package web.
	Forms web.FormLimits
	// Store keeps sessions beyond the program; nil: nothing does.
	Store Store
	// OnExpire is called on the service's loop with the value of each session
	// that is over; nil: nobody minds. The end of the program is no such end.
	OnExpire func(v T)

	// Immutable after the first Start.
	home twistor.Loop

	// Owned by home.
	table   *table
	running bool
}

// Start reads the Store. Requests that come before it are answered 503.
func (p *Sessions[T]) Start(co *deferred.Co, h service.Host) error {
	if p.running {
		return service.ErrRunning
	}
	if err := p.check(); err != nil {
		return err
	}
	if p.table == nil {
		t := &table{
			loop: h.Loop(), name: service.Name(h), store: p.Store,
			idle: orDefault(p.Idle, DefaultIdle), lifetime: orDefault(p.Lifetime, DefaultLifetime),
			most: orDefault(p.MaxSessions, DefaultMaxSessions), over: p.expired,
		}
		if err := t.open(co, h); err != nil {
			return err
		}
		p.table = t
	}
	p.running = true
	if p.home == nil { // others may read it from now on
		p.home = h.Loop()
	}
	p.table.watch()
	return nil
}

// Stop ends nobody's session: what is in memory is there when Start comes again.
func (p *Sessions[T]) Stop(*deferred.Co) error {
	if p.running {
		p.running = false
		p.table.timer.Stop()
	}
	return nil
}

// State implements service.Stater.
func (p *Sessions[T]) State() string {
	if p.table == nil {
		return ""
	}
	return fmt.Sprintf("%d sessions, %d of them rotated", len(p.table.entries), p.table.trusted.Len())
}

// EndAll ends the sessions whose values match: of a user whose password has
// changed, or who wants to be logged out everywhere. It returns how many there
// were; the Signal fires when the Store has forgotten them. It looks at all
// values, about a microsecond each. On the service's loop only.
func (p *Sessions[T]) EndAll(match func(v T) bool) (n int, forgotten *deferred.Signal) {
	if p.table == nil {
		return 0, deferred.Succeeded(struct{}{})
	}
	var waits []*deferred.Signal
	for _, r := range p.table.all() {
		var v T
		if json.Unmarshal(r.Value, &v) == nil && match(v) {
			waits = append(waits, p.table.drop(r.Key))
		}
	}
	return len(waits), deferred.Then(deferred.All(waits...), func([]struct{}) (none struct{}, err error) { return none, nil })
}

// check checks what the program says.
func (p *Sessions[T]) check() error {
	if p.MaxSessions < 0 || p.MaxValueBytes < 0 {
		return fmt.Errorf("session: MaxSessions %d, MaxValueBytes %d: want 0 or more", p.MaxSessions, p.MaxValueBytes)
	}
	var zero T
	if _, err := json.Marshal(zero); err != nil {
		return fmt.Errorf("session: values of %T: want what JSON can keep: %w", zero, err)
	}
	for _, o := range p.Origins {
		if _, err := parseOrigin(o); err != nil {
			return fmt.Errorf("session: origin %q: %w", o, err)
		}
	}
	if p.SameSite == web.SameSiteNone {
		return errors.New("session: SameSiteNone: want SameSiteLax or SameSiteStrict: other sites need no session of this one")
	}
	return nil
}

// expired tells OnExpire.
func (p *Sessions[T]) expired(r Record) {
	if p.OnExpire == nil {
		return
	}
	var v T
	if err := json.Unmarshal(r.Value, &v); err != nil {
		p.home.Log().Error("a session that is over cannot be read", "session", r.String(), "err", err)
		return
	}
	p.OnExpire(v)
}

func orDefault[N int | time.Duration](n, zero N) N {
	if n == 0 {
		return zero
	}
	return n
}
