package database

import (
	"container/list"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/database/internal/redact"
)

// What a Pool does when its fields are zero.
const (
	DefaultMaxConns   = 8
	DefaultMaxWaiting = 1_000
	DefaultMaxRows    = 10_000
	DefaultTimeout    = 30 * time.Second
)

// A Pool is a database, as one loop sees it: calls, each of which has a
// connection of its own while it runs on a worker, and a queue of those that
// wait for their turn. It is a service.Service. It needs a Driver and its DSN,
// or a Connector. Loop-only.
type Pool struct {
	// Immutable after first use.

	// Driver is the name under which a driver was registered, as sql.Open takes
	// it: the program imports the driver.
	Driver string
	// DSN says to the Driver which database it is. Passwords in it are kept out
	// of errors and logs.
	DSN twistor.Secret
	// Connector makes connections in the place of Driver and DSN, for what a
	// DSN cannot say. Nil: Driver does.
	Connector driver.Connector
	// Secrets are what else must not be seen in errors and logs: passwords that
	// a Connector knows. At most a few.
	Secrets []twistor.Secret

	// MaxConns is how many calls run at a time, and so how many connections
	// there are. A call that runs takes one of the loop's workers, of which a
	// reactor has 20 unless it is configured otherwise: leave some to others.
	// 0: 8; negative is an error.
	MaxConns int
	// MaxWaiting is how many calls may wait for their turn; beyond, ErrBusy.
	// 0: 1,000; negative: none.
	MaxWaiting int
	// MaxRows is how many rows a Query may return; beyond, ErrTooManyRows.
	// 0: 10,000; negative is an error.
	MaxRows int
	// Timeout is how long a call may take, its wait included; then it is
	// cancelled and fails with deferred.ErrTimeout. 0: 30 s; negative: for ever.
	Timeout time.Duration
	// Backoff says how Start goes on trying while the database cannot be
	// reached.
	Backoff service.Backoff
	// Log hears of connections that fail and are lost. Nil: the loop's.
	Log *slog.Logger

	// Owned by the loop.

	loop    twistor.Loop // nil: not started
	log     *slog.Logger
	started bool
	db      *sql.DB // nil: calls are refused
	redact  *strings.Replacer
	running list.List        // of *call
	waiting list.List        // of *call, in order
	letting bool             // let is on the stack
	drained *deferred.Signal // Stop waits for it; nil: not yet
	stats   Stats
}

// Start opens the database and makes sure that it answers. While it cannot be
// reached, Start tries again, as Backoff says; what waiting does not mend, such
// as a wrong password, is an error at once.
func (p *Pool) Start(co *deferred.Co, h service.Host) error {
	if err := p.check(); err != nil {
		return err
	}
	p.started = true
	err := p.start(co, h)
	p.started = err == nil
	return err
}

func (p *Pool) start(co *deferred.Co, h service.Host) error {
	p.loop, p.redact, p.stats, p.drained = h.Loop(), p.redactor(), Stats{}, nil
	if p.log = p.Log; p.log == nil {
		p.log = p.loop.Log()
	}
	opening := deferred.Go(p.loop, func(context.Context) (*sql.DB, error) { return p.open() })
	db, err := opening.Shield().Await(co)
	if err != nil {
		opening.Done(func(db *sql.DB, err error) { // Start may be cancelled before it is there
			if err == nil {
				p.close(db)
			}
		})
		return p.fail("open", err)
	}
	p.db = db
	for n := 1; ; n++ {
		_, err := p.Ping().Await(co)
		if err == nil {
			p.log.Info("database: connected", "driver", p.name())
			return nil
		}
		delay, again := p.Backoff.Delay(n, p.loop.Rand())
		if again = again && isPassing(err); again {
			p.log.Warn("database: cannot connect", "driver", p.name(), "err", err, "again", delay)
			if canceled := co.Sleep(delay); canceled != nil {
				again, err = false, canceled
			}
		}
		if !again {
			p.db = nil
			p.close(db)
			return err
		}
	}
}

func (p *Pool) check() error {
	switch {
	case p.started:
		return errors.New("database: Start: the Pool runs")
	case p.Driver == "" && p.Connector == nil:
		return errors.New("database: no Driver and no Connector: want one of them")
	case p.Driver != "" && p.Connector != nil:
		return fmt.Errorf("database: Driver %q and a Connector: want one of them", p.Driver)
	case p.MaxConns < 0 || p.MaxRows < 0:
		return fmt.Errorf("database: MaxConns %d, MaxRows %d: want neither negative", p.MaxConns, p.MaxRows)
	}
	return nil
}

func (p *Pool) redactor() *strings.Replacer {
	var secrets []string
	for _, s := range p.Secrets {
		secrets = append(secrets, s.Reveal())
	}
	return redact.New(p.DSN.Reveal(), secrets...)
}

// open may block: drivers read files that their DSN names.
func (p *Pool) open() (db *sql.DB, err error) {
	if p.Connector != nil {
		db = sql.OpenDB(p.Connector)
	} else if db, err = sql.Open(p.Driver, p.DSN.Reveal()); err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(p.maxConns())
	db.SetMaxIdleConns(p.maxConns())
	return db, nil
}

// close closes db on a worker, and fires when its connections are closed.
func (p *Pool) close(db *sql.DB) *deferred.Signal {
	closed := deferred.Go(p.loop, func(context.Context) (struct{}, error) { return struct{}{}, db.Close() })
	closed.Done(nil)
	return closed.Shield()
}

// Stop refuses new calls, waits for those that were accepted, and closes the
// connections. Calls that are not over after service.Patience, or when Stop is
// cancelled, are cancelled: they fail with ErrClosed.
func (p *Pool) Stop(co *deferred.Co) error {
	db := p.db
	if db == nil {
		return nil
	}
	p.db = nil
	defer func() { p.started = false }()
	if p.busy() {
		p.drained = deferred.New[struct{}](p.loop)
		if _, err := p.drained.Shield().Timeout(service.Patience).Await(co); err != nil {
			p.log.Warn("database: calls are cancelled", "running", p.running.Len(), "waiting", p.waiting.Len())
			p.abandon()
		}
		if _, err := p.drained.Await(co); err != nil {
			p.drained = nil
		}
	}
	if _, err := p.close(db).Await(co); err != nil {
		return p.fail("close", err)
	}
	return nil
}

func (p *Pool) busy() bool { return p.running.Len()+p.waiting.Len() > 0 }

// abandon cancels all calls.
func (p *Pool) abandon() {
	for _, l := range []*list.List{&p.waiting, &p.running} {
		for e := l.Front(); e != nil; {
			c := e.Value.(*call)
			e = e.Next()
			c.abandon()
		}
	}
}

// name is the driver's, or its type, for logs.
func (p *Pool) name() string {
	if p.Connector != nil {
		return fmt.Sprintf("%T", p.Connector.Driver())
	}
	return p.Driver
}

// Format prints the driver's name and no more.
func (p *Pool) Format(f fmt.State, verb rune) { fmt.Fprintf(f, "database.Pool(%s)", p.name()) }

// LogValue is what Format prints.
func (p *Pool) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

func (p *Pool) maxConns() int   { return orDefault(p.MaxConns, DefaultMaxConns) }
func (p *Pool) maxWaiting() int { return orDefault(p.MaxWaiting, DefaultMaxWaiting) }
func (p *Pool) maxRows() int    { return orDefault(p.MaxRows, DefaultMaxRows) }

// orDefault resolves a field: zero is the default, negative zero.
func orDefault[T int | time.Duration](v, zero T) T {
	if v == 0 {
		return zero
	}
	return max(0, v)
}
