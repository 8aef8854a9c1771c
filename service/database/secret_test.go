package database

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/database/internal/redact"
	"github.com/twistor-go/twistor/sim"
)

func init() {
	sql.Register("telltale", &telltale{})
}

// A telltale is a driver that puts the whole DSN into every error, as drivers
// do that say what they cannot understand.
type telltale struct{ up bool }

type telling struct {
	fake
	d   *telltale
	dsn string
}

func (d *telltale) Open(dsn string) (driver.Conn, error) {
	c, _ := d.OpenConnector(dsn)
	return c.Connect(context.Background())
}

func (d *telltale) OpenConnector(dsn string) (driver.Connector, error) {
	if strings.Contains(dsn, "malformed") {
		return nil, fmt.Errorf("cannot parse %q", dsn)
	}
	c := &telling{d: d, dsn: dsn}
	c.answer = func(_ context.Context, what string) error {
		if what == "connect" && d.up || what == "ping" || what == "rollback" || what == "rows 1" {
			return nil
		}
		return &talkative{"cannot " + what + " at " + dsn}
	}
	return c, nil
}

func (c *telling) Driver() driver.Driver { return c.d }

// A talkative is a driver's own type of error.
type talkative struct{ Text string }

func (e *talkative) Error() string        { return e.Text }
func (e *talkative) Is(target error) bool { return target == io.EOF }

// hidden are data sources of all kinds with the password Hunter-2, and how else
// it may be written.
var hidden = []string{
	"postgres://web:Hunter-2@db.example.com/shop",
	"postgres://web@db.example.com/shop?password=Hunter-2&sslmode=disable",
	"host=/run/postgresql user=web password=Hunter-2 dbname=shop",
	"host=db password='Hunter-2' dbname=shop",
	"web:Hunter-2@tcp(db.example.com:3306)/shop?parseTime=true",
	"server=db;user id=web;Password=Hunter-2;database=shop",
	"odbc:server=db;pwd={Hunter-2};database=shop",
	"libsql://db.example.com?authToken=Hunter-2",
	"postgres://web:malformed%zz-Hunter-2@db.example.com/shop",
	"postgres://web:Hunter-2/@malformed/shop",
	"malformed password=Hunter-2",
}

// T-28: no password in any error, nor in any log record, at any level. The
// positive control is that the driver did say it.
func TestT_28NoPasswordInErrorsAndLogs(t *testing.T) {
	for _, dsn := range hidden {
		t.Run(dsn, func(t *testing.T) {
			seen := func(what, text string) {
				t.Helper()
				if strings.Contains(text, "Hunter-2") {
					t.Errorf("%s shows the password: %s", what, text)
				}
			}
			var logged bytes.Buffer
			all := &slog.HandlerOptions{Level: slog.Level(-100), AddSource: true}
			p := &Pool{Driver: "telltale", DSN: twistor.Conceal(dsn), Log: slog.New(slog.NewJSONHandler(&logged, all)), Backoff: service.Backoff{MaxTries: 2}}
			d := &desk{sim.NewClock(t), t, nil, p}
			look := func(err error) {
				t.Helper()
				if err == nil || errors.Is(err, errWaits) {
					t.Fatalf("got %v, want an error", err)
				}
				if !strings.Contains(err.Error(), redact.Mark) {
					t.Errorf("control: %v has nothing to hide", err)
				}
				for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
					seen(format, fmt.Sprintf(format, err))
				}
				for e := err; e != nil; e = errors.Unwrap(e) {
					seen("what it wraps", e.Error())
				}
				if e, ok := errors.AsType[*talkative](err); ok {
					seen("the driver's error", e.Text)
				}
				if e, ok := errors.AsType[*deferred.PanicError](err); ok {
					seen("the panic", fmt.Sprint(e.Value))
				}
				p.Log.Error("test", "err", err, "pool", p, "dsn", p.DSN)
			}
			driver, _ := sql.Open("telltale", "x")
			up := &driver.Driver().(*telltale).up
			*up = false
			down := deferred.Inline(d.Clock, func(co *deferred.Co) (struct{}, error) { return struct{}{}, d.start(co) })
			d.Advance(time.Minute)
			look(outcome(down))
			if strings.Contains(dsn, "malformed") {
				seen("the log", logged.String()+d.Logged())
				return
			}
			*up = true
			if err := d.do(d.start); err != nil {
				t.Fatal(err)
			}
			_, err := got(d, d.pool.Exec("x"))
			look(err)
			if !errors.Is(err, io.EOF) || !errors.Is(err, ErrLost) {
				t.Errorf("got %v: what it is must be known still", err)
			}
			_, err = got(d, Query(d.pool, func(*int, *sql.Rows) error { panic("at " + dsn) }, "rows 1"))
			look(err)
			_, err = got(d, Transact(d.pool, nil, func(context.Context, *sql.Tx) (int, error) { return 0, nil }))
			look(err)
			if logged.Len() == 0 {
				t.Error("control: nothing was logged")
			}
			seen("the log", logged.String()+d.Logged())
		})
	}
}

// Without a secret the error is the driver's, whole.
func TestT_28Control(t *testing.T) {
	p := &Pool{Driver: "telltale", DSN: twistor.Conceal("host=db malformed")}
	d := &desk{sim.NewClock(t), t, nil, p}
	if err := d.do(d.start); err == nil || !strings.Contains(err.Error(), `cannot parse "host=db malformed"`) {
		t.Errorf("got %v, want what the driver says", err)
	}
}

// A Pool shows its secrets nowhere.
func TestT_28Pool(t *testing.T) {
	s := twistor.Conceal("Hunter-2")
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%10s"} {
		fmt.Fprintf(&out, verb+"\n", &Pool{Driver: "x", DSN: s, Secrets: []twistor.Secret{s}})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "pool", &Pool{Driver: "x", DSN: s})
	if strings.Contains(out.String(), "Hunter") || strings.Contains(out.String(), fmt.Sprintf("%x", "Hunter")) {
		t.Errorf("it shows:\n%s", out.String())
	}
}

// What a Connector knows is named by Secrets.
func TestT_28Connector(t *testing.T) {
	f := &fake{answer: func(context.Context, string) error { return errors.New("denied: Hunter-2") }}
	d := &desk{sim.NewClock(t), t, f, &Pool{Connector: f, Secrets: []twistor.Secret{twistor.Conceal("Hunter-2")}}}
	if err := d.do(d.start); err == nil || err.Error() != "database: ping: no connection: denied: REDACTED" {
		t.Errorf("got %v, want it redacted", err)
	}
}
