package deferred

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// serving runs a loop on a goroutine of its own until the test ends.
func serving(t *testing.T) *testLoop {
	l, stop := Serving()
	t.Cleanup(func() {
		stop()
		for _, err := range l.(*testLoop).reports {
			t.Errorf("report left: %v", err)
		}
	})
	return l.(*testLoop)
}

// TestH02Call: an ordinary goroutine calls into the loop and waits.
func TestH02Call(t *testing.T) {
	l := serving(t)
	ctx := context.Background()
	v, err := Call(ctx, l, func() *Deferred[int] {
		return Inline(l, func(co *Co) (int, error) { return 5, co.Yield() })
	})
	if v != 5 || err != nil {
		t.Errorf("got %v %v, want 5", v, err)
	}
	if _, err = Call(ctx, l, func() *Deferred[int] { return Failed[int](l, errTest) }); err != errTest {
		t.Errorf("got %v, want %v", err, errTest)
	}
	if _, err = Call(ctx, l, func() *Deferred[int] { panic(errTest) }); !errors.Is(err, errTest) {
		t.Errorf("got %v, want the panic", err)
	}
	if _, err = Call(ctx, l, func() *Deferred[int] { return nil }); err != errNilAnswer {
		t.Errorf("got %v, want %v", err, errNilAnswer)
	}

	// When the context ends what was asked for is cancelled.
	short, cancel := context.WithCancel(ctx)
	cancelled := make(chan struct{})
	_, err = Call(short, l, func() *Deferred[int] {
		cancel()
		return New[int](l).OnCancel(func() { close(cancelled) })
	})
	if err != context.Canceled {
		t.Errorf("got %v, want context.Canceled", err)
	}
	<-cancelled
	_, err = Call(short, l, func() *Deferred[int] { t.Error("called although the context had ended"); return nil })
	if err != context.Canceled {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// TestH02Wait: D21: several goroutines may wait for one Deferred, and one that gives
// up does not cancel it.
func TestH02Wait(t *testing.T) {
	l := serving(t)
	ctx := context.Background()
	made := make(chan *Deferred[int])
	l.Post(func() { made <- New[int](l) })
	d := <-made
	short, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := d.Wait(short); err != context.Canceled {
		t.Errorf("got %v, want context.Canceled", err)
	}
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if v, err := d.Wait(ctx); v != 7 || err != nil {
				t.Errorf("got %v %v, want 7", v, err)
			}
		})
	}
	l.Post(func() { d.Succeed(7) })
	all.Wait()
	if v, err := Succeeded(1).Wait(ctx); v != 1 || err != nil {
		t.Errorf("without a loop: got %v %v, want 1", v, err)
	}
	if _, err := new(Deferred[int]).Wait(ctx); err != errNoLoop {
		t.Errorf("pending, without a loop: got %v, want %v", err, errNoLoop)
	}
}

// TestH02Stopped: who waits when the loop closes is told, and who comes later.
func TestH02Stopped(t *testing.T) {
	l := newLoop(t)
	ctx := context.Background()
	d := New[int](l)
	got := make(chan error)
	for range 2 {
		go func() {
			_, err := d.Wait(ctx)
			got <- err
		}()
	}
	for waiting := 0; waiting < 2; {
		l.core.mu.Lock()
		waiting = l.core.calls.waiting.Len()
		l.core.mu.Unlock()
	}
	l.core.Close()
	for range 2 {
		if err := <-got; err != ErrStopped {
			t.Errorf("got %v, want ErrStopped", err)
		}
	}
	if _, err := d.Wait(ctx); err != ErrStopped {
		t.Errorf("after Close: got %v, want ErrStopped", err)
	}
	full := newLoop(t)
	full.refuse(true)
	if _, err := New[int](full).Wait(ctx); err != ErrUnreachable {
		t.Errorf("of a full loop: got %v, want ErrUnreachable", err)
	}
}

// TestAsk: a question to another loop is answered on one's own.
func TestAsk(t *testing.T) {
	home, there := newLoop(t), newLoop(t)
	both := func() {
		for range 5 {
			there.settle()
			home.settle()
		}
	}
	asked := Ask(home, there, func() *Deferred[int] {
		return Then(After(there, 0), func(struct{}) (int, error) { return 4, nil })
	})
	if _, ok := asked.Result(); ok {
		t.Error("answered before the other loop turned")
	}
	both()
	holds(t, asked, 4)

	asked = Ask(home, there, func() *Deferred[int] { return Failed[int](there, errTest) })
	both()
	failed(t, asked, errTest)
	asked = Ask(home, there, func() *Deferred[int] { panic(errTest) })
	both()
	failed(t, asked, errTest)
	asked = Ask(home, there, func() *Deferred[int] { return nil })
	both()
	failed(t, asked, errNilAnswer)

	var inner *Deferred[int]
	asked = Ask(home, there, func() *Deferred[int] { inner = New[int](there); return inner })
	there.settle()
	asked.Cancel()
	failed(t, asked, ErrCanceled)
	both()
	failed(t, inner, ErrCanceled)

	asked = Ask(home, there, func() *Deferred[int] { inner = New[int](there); return inner })
	asked.Cancel() // before the question arrived
	both()
	failed(t, inner, ErrCanceled)

	if n := there.core.calls.waiting.Len(); n != 0 {
		t.Errorf("got %d calls left, want none", n)
	}
}

// TestAskUnreachable: a loop that is full, closed or closing answers so; and an
// answer waits for a home that is full.
func TestAskUnreachable(t *testing.T) {
	home, there := newLoop(t), newLoop(t)
	pending := func() *Deferred[int] { return New[int](there) }
	there.refuse(true)
	failed(t, Ask(home, there, pending), ErrUnreachable)
	there.refuse(false)

	asked := Ask(home, there, func() *Deferred[int] { return Succeeded(2) })
	home.refuse(true)
	there.settle()
	home.settle()
	if _, ok := asked.Result(); ok {
		t.Error("answered by a loop that takes no calls")
	}
	home.refuse(false)
	there.advance(retryAnswer)
	home.settle()
	holds(t, asked, 2)

	running := Ask(home, there, pending)
	there.settle()
	dropped := Ask(home, there, pending) // posted, but never run
	there.core.Close()
	home.settle()
	failed(t, running, ErrStopped)
	failed(t, dropped, ErrStopped)
	failed(t, Ask(home, there, pending), ErrStopped)
}
