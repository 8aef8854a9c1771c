package deferred

// A link is one callback of a Deferred[T]. Func types and pointers implement
// it, so that adding one allocates nothing.
type link[T any] interface {
	// follow is called when d has fired and all callbacks before this one have
	// run. It returns the Deferred that it gave a result to, which then runs
	// its own callbacks before d goes on; or nil.
	follow(d *Deferred[T]) node
}

// A node is a Deferred of any type, or what stands before one: a producer's
// canceller, a coroutine, a set of Deferreds. All that goes along chains of
// them is a loop over nodes, never a recursion: a chain may have any length.
type node interface {
	// enter begins the run of callbacks; back is the one to go on with later.
	enter(back node)
	// step runs callbacks until one of them fires another node, which is
	// returned entered, or until none is left; then it returns back.
	step() node
	// pending reports whether cancel would find something to do.
	pending() bool
	// cancel does its part, and returns the node to go on with, or nil.
	cancel(reason error) node
	// upstream is the node whose result this one waits for, or nil.
	upstream() node
}

// run runs the callbacks of d, which has just got its result, and of all that
// get one thereby: each before the next callback of the one it came from, in
// the order that plain nested calls would have.
func (d *Deferred[T]) run() {
	d.flags |= running // as enter, with nothing to go back to
	for n := d.step(); n != nil; {
		n = n.step()
	}
}

func (d *Deferred[T]) enter(back node) {
	d.flags |= running
	d.peer = back
}

func (d *Deferred[T]) step() node {
	for k := d.take(); k != nil; k = d.take() {
		if next := k.follow(d); next != nil {
			next.enter(d)
			return next
		}
	}
	back := d.peer
	d.peer = nil
	d.flags &^= running
	d.settle()
	return back
}

// take removes the next callback, and forgets it: what it held can be
// collected while d lives on.
func (d *Deferred[T]) take() link[T] {
	i := int(d.at)
	if i < int(d.n) {
		k := d.links[i]
		d.links[i] = nil
		d.at++
		return k
	}
	if d.more != nil {
		if i -= inlined; i >= 0 && i < len(d.more.links) {
			k := d.more.links[i]
			d.more.links[i] = nil
			d.at++
			return k
		}
		d.more.links = nil
	}
	d.n, d.at = 0, 0
	return nil
}

// add adds a callback, and runs it if d has fired. While other callbacks of d
// run it waits for its turn: callbacks of one Deferred are never nested.
func (d *Deferred[T]) add(k link[T]) {
	if d.n < inlined {
		d.links[d.n] = k
		d.n++
	} else {
		x := d.extra()
		x.links = append(x.links, k)
	}
	if d.ready() {
		d.run()
	}
}
