// Package deferred has values that are not here yet, and code that waits for
// them without blocking a loop. Everything in Twistor that takes time returns a
// *Deferred; protocols, services and tests read it in one of three ways:
//
//	d.Done(func(v T, err error) { ... }) // a callback, at once if it has fired
//	v, err := d.Await(co)                // in a coroutine: straight lines
//	v, err := d.Wait(ctx)                // on an ordinary goroutine
//
// A coroutine is begun by Inline, and runs on the loop's own goroutine:
//
//	sum := deferred.Inline(loop, func(co *deferred.Co) (int, error) {
//		a, b := ask(x), ask(y) // both are on their way
//		defer b.Cancel()       // should a fail
//		v, err := a.Await(co)
//		if err != nil {
//			return 0, err
//		}
//		w, err := b.Await(co)
//		return v + w, err
//	})
//
// When things run, the one rule: Succeed and Fail call the callbacks at once;
// a coroutine goes on when the outermost callback of the loop has returned. So
// nothing runs between two Awaits but the coroutine itself.
//
// Errors: a Deferred that fails and is never handled (Done, Await, Wait, Result;
// Then and Chain pass the duty on) is reported to its Loop: when it is collected
// or, at the latest, when the loop closes. A failure whose error refers to its
// own Deferred waits for the close. Cancel means that nobody minds: what was
// cancelled is not reported. There is no way to fire twice: the second result is
// dropped and Succeed or Fail reports false.
//
// To and from the rest of Go:
//
//   - a function that blocks: Go, on the loop's bounded pool; Lane keeps order;
//   - a channel: Go(loop, func(ctx) { select { case v := <-c: ... } });
//   - a context that cancels: context.AfterFunc(ctx, func() { loop.Post(d.Cancel) });
//   - a goroutine that needs the loop: Call, or Post; another loop: Ask;
//   - an iterator: Gather runs over one, Cooperate steps through one.
//
// A sync.Mutex held across an Await stops the loop for ever; Lock is for that.
// Long loops are written as coroutines: a Deferred whose callback returns the
// next one, and so on for ever, keeps all of them.
//
// Limits: a loop keeps 256 idle coroutine stacks (2.7 KB each) and 65,536
// unhandled failures, then reports the oldest at once; a body that goes on
// awaiting 1,000 times after its loop stopped is abandoned, and reported. Lock,
// Semaphore, Queue and Gate let 10,000 wait, a Pool 10,000 jobs behind 20
// workers, a Lane 1,000: fields change that, and what is too much fails at once.
//
// Left out: pausing a Deferred (return another one from Chain), and firing one
// with extra arguments (closures have them).
package deferred
