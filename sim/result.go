package sim

import "github.com/twistor-go/twistor/deferred"

// Result is the value of d, which must have succeeded already; else the test
// ends.
func Result[V any](t T, d *deferred.Deferred[V]) V {
	t.Helper()
	o, ok := d.Result()
	if !ok {
		t.Fatalf("sim: the Deferred has no result yet, want a value")
	}
	if o.Err != nil {
		d.Done(nil) // reported here
		t.Fatalf("sim: the Deferred failed with %v, want a value", o.Err)
	}
	return o.Value
}

// Failure is the error of d, which must have failed already; else the test
// ends. The failure counts as handled.
func Failure[V any](t T, d *deferred.Deferred[V]) error {
	t.Helper()
	o, ok := d.Result()
	if !ok {
		t.Fatalf("sim: the Deferred has no result yet, want an error")
	}
	if o.Err == nil {
		t.Fatalf("sim: the Deferred succeeded with %v, want an error", o.Value)
	}
	d.Done(nil)
	return o.Err
}

// NoResult fails the test if d has fired.
func NoResult[V any](t T, d *deferred.Deferred[V]) {
	t.Helper()
	if o, ok := d.Result(); ok {
		if o.Err != nil {
			d.Done(nil)
		}
		t.Errorf("sim: the Deferred has the result %v, error %v, want none yet", o.Value, o.Err)
	}
}
