package database

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// Connections are made as calls need them, not more than MaxConns; Stop closes
// them; a Pool that has stopped may start again.
func TestDB01OpensAndCloses(t *testing.T) {
	f := &fake{}
	d := newDesk(t, f, &Pool{MaxConns: 3})
	if open, made := f.conns(); open != 1 || made != 1 {
		t.Errorf("after Start: %d open, %d made, want the one that was asked whether it is there", open, made)
	}
	for range 2 {
		if err := d.do(d.pool.Stop); err != nil {
			t.Fatal(err)
		}
		if open, _ := f.conns(); open != 0 {
			t.Errorf("after Stop %d are open, want none", open)
		}
		if err := d.do(d.start); err != nil {
			t.Fatal(err)
		}
		if n, err := got(d, QueryRow(d.pool, Value[int], "rows 1")); n != 1 || err != nil {
			t.Errorf("after Start again got %d, %v, want 1", n, err)
		}
	}
	if err := d.do(d.pool.Stop); err != nil {
		t.Fatal(err)
	}
}

// As many calls run as there are connections, as many wait as may, in order;
// the next one is refused.
func TestDB01Bounded(t *testing.T) {
	f := &fake{}
	d := newDesk(t, f, &Pool{MaxConns: 2, MaxWaiting: 3})
	d.WorkTime = time.Second
	var calls []*deferred.Deferred[Result]
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		calls = append(calls, d.pool.Exec(name))
	}
	if s := d.pool.Stats(); s.Running != 2 || s.Waiting != 3 {
		t.Errorf("%d run, %d wait, want 2 and 3", s.Running, s.Waiting)
	}
	refused := outcome(d.pool.Exec("f"))
	if !errors.Is(refused, ErrBusy) || !errors.Is(refused, deferred.ErrQueueFull) || refused.Error() != "database: exec: too many calls wait: deferred: queue is full" {
		t.Errorf("got %v, want ErrBusy", refused)
	}
	for i, want := range []string{"a, b", "c, d", "e"} {
		d.Advance(time.Second)
		if got := f.take(); got != want {
			t.Errorf("second %d: got %s, want %s", i, got, want)
		}
	}
	for i, c := range calls {
		if err := outcome(c); err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if _, made := f.conns(); made > 2 {
		t.Errorf("%d connections were made, want 2 at most", made)
	}
}

// With MaxWaiting negative nothing waits.
func TestDB01NoneWaits(t *testing.T) {
	d := newDesk(t, &fake{}, &Pool{MaxConns: 1, MaxWaiting: -1})
	a, b := d.pool.Exec("a"), d.pool.Exec("b")
	if _, err := got(d, a); err != nil || !errors.Is(outcome(b), ErrBusy) {
		t.Errorf("got %v and %v, want nil and ErrBusy", err, outcome(b))
	}
}

// A database on which everything hangs leaves workers to the rest of the
// program.
func TestDB01LeavesWorkers(t *testing.T) {
	release := make(chan struct{})
	f := &fake{answer: func(_ context.Context, what string) error {
		if what == "slow" {
			<-release
		}
		return nil
	}}
	p := &Pool{Connector: f}
	live(t, p, func(co *deferred.Co) error {
		var slow []*deferred.Deferred[Result]
		for range 100 {
			slow = append(slow, p.Exec("slow"))
		}
		// It would wait for ever if the hundred had all the workers.
		_, err := deferred.Go(co.Loop(), func(context.Context) (int, error) { return 1, nil }).Await(co)
		close(release)
		_, failed := deferred.All(slow...).Await(co)
		return errors.Join(err, failed)
	})
}

// Start goes on trying while the database is not there.
func TestDB01StartTriesAgain(t *testing.T) {
	down := 3
	f := &fake{answer: func(_ context.Context, what string) error {
		if what == "connect" && down > 0 {
			down--
			return &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}
		return nil
	}}
	d := &desk{sim.NewClock(t), t, f, &Pool{Connector: f, Backoff: service.Backoff{Min: time.Second, Factor: 2, Jitter: -1}}}
	s := deferred.Inline(d.Clock, func(co *deferred.Co) (struct{}, error) { return struct{}{}, d.start(co) })
	d.settle()
	for _, seconds := range []time.Duration{1, 2, 4} {
		if outcome(s) != errWaits {
			t.Fatalf("got %v, want Start to wait", outcome(s))
		}
		d.Advance(seconds * time.Second)
		d.settle()
	}
	if err := outcome(s); err != nil {
		t.Errorf("got %v, want a start at the fourth try", err)
	}
	if got := strings.Count(d.Logged(), "cannot connect"); got != 3 {
		t.Errorf("%d warnings, want 3:\n%s", got, d.Logged())
	}
	if err := d.do(d.pool.Stop); err != nil {
		t.Fatal(err)
	}
}

type stated string

func (s stated) Error() string    { return "state " + string(s) }
func (s stated) SQLState() string { return string(s) }

// What waiting does not mend fails Start at once, and leaves nothing open; so
// does a database that stays away, when the tries are used up.
func TestDB01StartFails(t *testing.T) {
	for _, tc := range []struct {
		name  string
		err   error
		tries int
	}{
		{"wrong password", stated("28P01"), 1},
		{"no such file", errors.New("unable to open database file"), 1},
		{"starting up", stated("57P03"), 4},
		{"too many connections", stated("53300"), 4},
		{"unreachable", &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}, 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &fake{answer: func(context.Context, string) error { return tc.err }}
			d := &desk{sim.NewClock(t), t, f, &Pool{Connector: f, Backoff: service.Backoff{MaxTries: 3}}}
			s := deferred.Inline(d.Clock, func(co *deferred.Co) (struct{}, error) { return struct{}{}, d.start(co) })
			for range 30 {
				d.Advance(time.Second)
			}
			if err := outcome(s); !errors.Is(err, ErrConnect) || !errors.Is(err, tc.err) {
				t.Errorf("got %v, want ErrConnect and its reason", err)
			}
			if got := strings.Count(f.take(), "connect"); got != tc.tries {
				t.Errorf("%d tries, want %d", got, tc.tries)
			}
			if err := outcome(d.pool.Ping()); !errors.Is(err, ErrClosed) {
				t.Errorf("afterwards got %v, want ErrClosed", err)
			}
		})
	}
}

// A Start that is cancelled ends, and says that it was.
func TestDB01StartCanceled(t *testing.T) {
	f := &fake{answer: func(context.Context, string) error { return syscall.ECONNRESET }}
	d := &desk{sim.NewClock(t), t, f, &Pool{Connector: f}}
	s := deferred.Inline(d.Clock, func(co *deferred.Co) (struct{}, error) { return struct{}{}, d.start(co) })
	d.settle()
	s.Cancel()
	d.settle()
	if err := outcome(s); !errors.Is(err, deferred.ErrCanceled) {
		t.Errorf("got %v, want ErrCanceled", err)
	}
	f.answer = nil
	if err := d.do(d.start); err != nil {
		t.Errorf("started again: %v", err)
	}
}

func TestDB01Configuration(t *testing.T) {
	for _, tc := range []struct {
		pool *Pool
		want string
	}{
		{&Pool{}, "want one of them"},
		{&Pool{Driver: "x", Connector: &fake{}}, "want one of them"},
		{&Pool{Driver: "x", MaxConns: -1}, "want neither negative"},
		{&Pool{Driver: "x", MaxRows: -1}, "want neither negative"},
		{&Pool{Driver: "no-such-driver"}, `unknown driver "no-such-driver"`},
	} {
		d := &desk{sim.NewClock(t), t, nil, tc.pool}
		if err := d.do(d.start); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %q", err, tc.want)
		}
	}
	d := newDesk(t, &fake{}, nil)
	if err := d.do(d.start); err == nil || !strings.Contains(err.Error(), "runs") {
		t.Errorf("a second Start: got %v, want an error", err)
	}
}

// A call to a Pool that does not run fails, also without a loop to tell.
func TestDB01NotStarted(t *testing.T) {
	p := &Pool{Connector: &fake{}}
	if err := outcome(p.Exec("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	d := newDesk(t, &fake{}, nil)
	d.do(d.pool.Stop)
	if err := outcome(d.pool.Exec("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("after Stop: got %v, want ErrClosed", err)
	}
	if err := d.do(d.pool.Stop); err != nil {
		t.Errorf("a second Stop: %v", err)
	}
}

// Stop lets finish what was accepted, and refuses what comes.
func TestDB01StopWaits(t *testing.T) {
	f := &fake{}
	d := newDesk(t, f, &Pool{MaxConns: 1})
	d.WorkTime = time.Second
	a, b := d.pool.Exec("a"), d.pool.Exec("b")
	s := deferred.Inline(d.Clock, func(co *deferred.Co) (struct{}, error) { return struct{}{}, d.pool.Stop(co) })
	if err := outcome(d.pool.Exec("c")); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	d.Advance(2 * time.Second)
	if errors.Join(outcome(a), outcome(b)) != nil || outcome(s) != errWaits {
		t.Errorf("got %v, %v and Stop %v, want both calls to end before Stop", outcome(a), outcome(b), outcome(s))
	}
	d.Advance(time.Second)
	if open, _ := f.conns(); outcome(s) != nil || open != 0 {
		t.Errorf("got %v, %d connections, want a clean end", outcome(s), open)
	}
}

// Stop cancels what takes longer than its patience, or at once if it is itself
// cancelled.
func TestDB01StopLosesPatience(t *testing.T) {
	for _, cancel := range []bool{false, true} {
		d := newDesk(t, &fake{}, &Pool{MaxConns: 1, Timeout: -1})
		d.WorkTime = time.Hour
		a, b := d.pool.Exec("a"), d.pool.Exec("b")
		s := deferred.Inline(d.Clock, func(co *deferred.Co) (struct{}, error) { return struct{}{}, d.pool.Stop(co) })
		d.Advance(service.Patience - time.Second)
		if outcome(a) != errWaits {
			t.Fatalf("got %v, want the call to go on", outcome(a))
		}
		if cancel {
			s.Cancel()
		}
		d.Advance(time.Second)
		if !errors.Is(outcome(a), ErrClosed) || !errors.Is(outcome(b), ErrClosed) {
			t.Errorf("cancel %v: got %v and %v, want ErrClosed", cancel, outcome(a), outcome(b))
		}
		d.Advance(3 * time.Hour)
		if open, _ := d.conns(); outcome(s) == errWaits || open != 0 {
			t.Errorf("cancel %v: Stop %v, %d connections are open, want none", cancel, outcome(s), open)
		}
	}
}

// What is cancelled while it waits never runs; its place is free.
func TestDB01CancelWaiting(t *testing.T) {
	f := &fake{}
	d := newDesk(t, f, &Pool{MaxConns: 1, MaxWaiting: 1})
	a, b := d.pool.Exec("a"), d.pool.Exec("b")
	b.Cancel()
	c := d.pool.Exec("c")
	if err := outcome(b); err != deferred.ErrCanceled {
		t.Errorf("got %v, want ErrCanceled", err)
	}
	if _, err := got(d, c); err != nil || outcome(a) != nil {
		t.Errorf("got %v and %v, want the others to run", outcome(a), err)
	}
	if got := f.take(); got != "a, c" {
		t.Errorf("asked %s, want a, c", got)
	}
	if s := d.pool.Stats(); s.Canceled != 1 || s.Done != 3 {
		t.Errorf("got %d cancelled, %d done, want 1 and 3", s.Canceled, s.Done)
	}
}

// What is cancelled while it runs fails at once, and tells the driver; its place
// is free when the driver has let go, so that there are never more connections.
func TestDB01CancelRunning(t *testing.T) {
	begun, told, release := make(chan struct{}), make(chan struct{}), make(chan struct{})
	f := &fake{answer: func(ctx context.Context, what string) error {
		if what == "slow" {
			close(begun)
			<-ctx.Done()
			close(told)
			<-release
			return ctx.Err()
		}
		return nil
	}}
	p := &Pool{Connector: f, MaxConns: 1}
	live(t, p, func(co *deferred.Co) error {
		slow := p.Exec("slow")
		off(co, func() { <-begun })
		slow.Cancel()
		if err := outcome(slow); err != deferred.ErrCanceled {
			t.Errorf("got %v, want ErrCanceled at once", err)
		}
		off(co, func() { <-told })
		next := p.Exec("next")
		if s := p.Stats(); s.Running != 1 || s.Waiting != 1 {
			t.Errorf("%d run, %d wait, want the cancelled one to have its place still", s.Running, s.Waiting)
		}
		close(release)
		_, err := next.Await(co)
		if _, made := f.conns(); made > 2 {
			t.Errorf("%d connections, want one after the other", made)
		}
		return err
	})
}

// Timeout counts from the call, so it holds for what waits, too.
func TestDB01Timeout(t *testing.T) {
	f := &fake{}
	d := newDesk(t, f, &Pool{MaxConns: 1, Timeout: 3 * time.Second})
	d.WorkTime = 2 * time.Second
	a, b := d.pool.Exec("a"), d.pool.Exec("b")
	d.Advance(4 * time.Second)
	if outcome(a) != nil || outcome(b) != deferred.ErrTimeout {
		t.Errorf("got %v and %v, want the second to time out", outcome(a), outcome(b))
	}
	if got := f.take(); got != "a" {
		t.Errorf("asked %s, want a: what is given up before it begins is not asked", got)
	}
}

// Who says nothing has DefaultTimeout, who says that there is none waits.
func TestDB01TimeoutDefault(t *testing.T) {
	for _, tc := range []struct {
		timeout time.Duration
		want    error
	}{{0, deferred.ErrTimeout}, {-1, errWaits}} {
		d := newDesk(t, &fake{}, &Pool{Timeout: tc.timeout})
		d.WorkTime = time.Hour
		slow := d.pool.Exec("slow")
		d.Advance(DefaultTimeout - 1)
		if err := outcome(slow); err != errWaits {
			t.Errorf("Timeout %v: got %v too early", tc.timeout, err)
		}
		d.Advance(1)
		if err := outcome(slow); err != tc.want {
			t.Errorf("Timeout %v: got %v, want %v", tc.timeout, err, tc.want)
		}
	}
}

// A reactor that stops without having stopped the Pool ends what runs.
func TestDB01ReactorStops(t *testing.T) {
	begun, told := make(chan struct{}), make(chan struct{})
	f := &fake{answer: func(ctx context.Context, what string) error {
		if what == "slow" {
			close(begun)
			<-ctx.Done()
			close(told)
			return ctx.Err()
		}
		return nil
	}}
	p := &Pool{Connector: f}
	var ended error
	err := reactor.Do(t.Context(), &reactor.Config{Log: slog.New(slog.DiscardHandler)}, func(co *deferred.Co, l twistor.Loop) error {
		if err := p.Start(co, service.On(l)); err != nil {
			return err
		}
		p.Exec("slow").Done(func(_ Result, err error) { ended = err })
		off(co, func() { <-begun })
		return nil
	})
	<-told
	if ended != nil && !errors.Is(ended, deferred.ErrStopped) || err != nil {
		t.Errorf("got %v, want ErrStopped or nothing; %v", ended, err)
	}
	p.db.Close()
}

// Other loops ask by way of the Pool's own.
func TestDB01OtherLoops(t *testing.T) {
	p := &Pool{Connector: &fake{}}
	c := &reactor.Config{Loops: 2, Log: slog.New(slog.DiscardHandler)}
	err := reactor.Do(t.Context(), c, func(co *deferred.Co, l twistor.Loop) error {
		if err := p.Start(co, service.On(l)); err != nil {
			return err
		}
		there := l.Siblings()[1]
		n, err := deferred.Ask(l, there, func() *deferred.Deferred[int] {
			return deferred.Ask(there, l, func() *deferred.Deferred[int] {
				return QueryRow(p, Value[int], "rows 1")
			})
		}).Await(co)
		if n != 1 {
			t.Errorf("got %d, want 1", n)
		}
		return errors.Join(err, p.Stop(co))
	})
	if err != nil {
		t.Error(err)
	}
}

// A worker pool without room is one more way to be busy.
func TestDB01WorkersFull(t *testing.T) {
	d := newDesk(t, &fake{}, nil)
	d.pool.loop = full{d.Clock}
	a, b := d.pool.Exec("a"), d.pool.Exec("b")
	if !errors.Is(outcome(a), ErrBusy) || !errors.Is(outcome(b), deferred.ErrPoolFull) {
		t.Errorf("got %v and %v, want ErrBusy", outcome(a), outcome(b))
	}
	d.pool.loop = d.Clock
	if s := d.pool.Stats(); s.Running+s.Waiting != 0 {
		t.Errorf("%d calls are left, want none", s.Running+s.Waiting)
	}
}

// A full is a loop whose workers are busy.
type full struct{ *sim.Clock }

func (full) Work(func(context.Context) func()) (func(), error) { return nil, deferred.ErrPoolFull }

// The same seed runs the same jobs at the same times.
func TestDB01Replays(t *testing.T) {
	play := func(seed uint64) (trace []string) {
		w := sim.New(t, seed)
		f := &fake{}
		p := &Pool{Connector: f, MaxConns: 3}
		h := w.Host("server")
		h.Do(func(co *deferred.Co) error {
			if err := p.Start(co, service.On(h.Loop())); err != nil {
				return err
			}
			var calls []*deferred.Deferred[int]
			for _, n := range []string{"rows 1", "rows 2", "rows 3", "rows 4", "rows 5", "rows 6"} {
				c := Transact(p, nil, func(ctx context.Context, tx *sql.Tx) (last int, err error) {
					rows, err := tx.QueryContext(ctx, n)
					for err == nil && rows.Next() {
						err = rows.Scan(&last)
					}
					return last, err
				})
				c.Done(func(int, error) { trace = append(trace, n+" "+w.Elapsed().String()) })
				calls = append(calls, c)
			}
			got, err := deferred.All(calls...).Await(co)
			if want := []int{1, 2, 3, 4, 5, 6}; !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			return errors.Join(err, p.Stop(co))
		})
		return append(trace, f.take())
	}
	orders := map[string]bool{}
	for seed := range uint64(10) {
		a, b := play(seed), play(seed)
		if !slices.Equal(a, b) {
			t.Fatalf("seed %d: got %v, then %v", seed, a, b)
		}
		orders[strings.Join(a, "; ")] = true
	}
	if len(orders) < 2 {
		t.Error("all seeds play the same: want them to differ")
	}
}
