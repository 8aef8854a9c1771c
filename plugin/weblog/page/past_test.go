package page

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/weblog"
	"github.com/twistor-go/twistor/sim"
)

// A browser that comes back gets what it has missed, and nothing twice.
func TestGoesOn(t *testing.T) {
	st := newStage(t, &Page{Epoch: "e"})
	for i := range 5 {
		st.hit(fmt.Sprint("/", i))
		st.clock.Advance(time.Second)
	}
	for _, tc := range []struct {
		name, target, field string
		anew                bool
		want                string
	}{
		{"a browser's own way", "/hits", "Last-Event-ID: e-3", false, "/3 /4"},
		{"that of a script that tries anew", "/hits?after=e-4", "X: y", false, "/4"},
		{"nothing was missed", "/hits", "Last-Event-ID: e-5", false, ""},
		{"another life", "/hits", "Last-Event-ID: f-3", true, "/0 /1 /2 /3 /4"},
		{"a place that is still to come", "/hits", "Last-Event-ID: e-6", true, "/0 /1 /2 /3 /4"},
		{"no place at all", "/hits", "Last-Event-ID: e-x", true, "/0 /1 /2 /3 /4"},
		{"a number too large", "/hits", "Last-Event-ID: e-99999999999999999999", true, "/0 /1 /2 /3 /4"},
	} {
		got := watch(t, st.ask(tc.target, tc.field))
		if got.hello.Anew != tc.anew || got.paths() != tc.want {
			t.Errorf("%s: got anew %v, %q, want %v, %q", tc.name, got.hello.Anew, got.paths(), tc.anew, tc.want)
		}
	}

	st = newStage(t, &Page{})
	first := watch(t, st.ask("/hits")).id
	st.again()
	if got := watch(t, st.ask("/hits", "Last-Event-ID: "+first)); !got.hello.Anew {
		t.Errorf("%s and %s are lives that remember nothing, and share their numbers", first, got.id)
	}
}

// A former life's hits are there at once, with their numbers, and the new ones
// follow.
func TestPast(t *testing.T) {
	var past []weblog.Hit
	for i := range 250 {
		past = append(past, weblog.Hit{Path: fmt.Sprint("/", i), Time: sim.Epoch.Add(time.Duration(i/200) * time.Second), Status: 200})
	}
	st := newStage(t, &Page{Epoch: "e", Next: 1000, Past: past})
	st.hit("/new")
	st.clock.Advance(time.Second)
	got := watch(t, st.ask("/hits", "Last-Event-ID: e-900"))
	if got.hello.Anew {
		t.Error("a place of the former life is not known")
	}
	var numbers []string
	for _, e := range got.events {
		numbers = append(numbers, fmt.Sprint(e.First, "-", e.Next, ":", len(e.Hits)))
	}
	if got, want := strings.Join(numbers, " "), "850-950:100 950-1000:50 1000-1001:1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !strings.HasPrefix(got.paths(), "/100 ") || !strings.HasSuffix(got.paths(), "/249 /new") {
		t.Errorf("got %s", got.paths())
	}
	if more := newStage(t, &Page{Next: 3, Past: past}); watch(t, more.ask("/hits")).paths() != "/247 /248 /249" {
		t.Error("there are more hits than numbers")
	}
}

// However many come, ten events a second tell of them, and what is not listed is
// counted by its status.
func TestBusy(t *testing.T) {
	st := newStage(t, &Page{})
	conn := st.ask("/hits")
	for i := range 1000 {
		var lines [][]byte
		for k := range 50 {
			lines = append(lines, fmt.Appendf(nil, `::1 - - [22/Nov/2026:10:00:00 +0000] "GET /%d HTTP/1.1" %d04 1`, i, k%6))
		}
		st.log.Publish(lines)
		st.clock.Advance(time.Millisecond)
	}
	st.clock.Advance(perEvent)
	got := watch(t, conn)
	if n := len(got.events); n < 10 || n > 12 {
		t.Errorf("got %d events in a second, want 10", n)
	}
	hits, kinds := 0, [6]int{}
	for _, e := range got.events {
		if len(e.Hits) > maxListed {
			t.Errorf("an event lists %d hits", len(e.Hits))
		}
		sum := len(e.Hits)
		for k, n := range e.More {
			sum += n
			kinds[k] += n
		}
		if uint64(sum) != e.Next-e.First {
			t.Errorf("an event of %d to %d has %d hits", e.First, e.Next, sum)
		}
		for _, h := range e.Hits {
			kinds[int(h[6].(float64))/100]++
		}
		hits += sum
	}
	if hits != 50_000 || kinds != [6]int{9000, 9000, 8000, 8000, 8000, 8000} {
		t.Errorf("got %d hits, %v", hits, kinds)
	}
}

// A browser that takes nothing costs what is remembered and no more, delays
// nobody, and hears later how many it has missed.
func TestSlow(t *testing.T) {
	st := newStage(t, &Page{})
	slow, quick := st.ask("/hits"), st.ask("/hits")
	slow.Hold()
	long := "/" + strings.Repeat("x", 500)
	for range 200 {
		var paths []string
		for range maxListed {
			paths = append(paths, long)
		}
		st.hit(paths...)
		st.clock.Advance(perEvent)
	}
	if got := slow.Buffered(); got > 256<<10 {
		t.Errorf("%d bytes wait for a browser that takes nothing", got)
	}
	if got := st.page.past; got.listed > maxKept || got.bytes > maxKeptBytes+maxListed<<10 {
		t.Errorf("%d hits, %d bytes are remembered", got.listed, got.bytes)
	}
	if got := watch(t, quick); got.events[len(got.events)-1].Next != 200*maxListed || len(got.events) != 200 {
		t.Errorf("the other has %d events", len(got.events))
	}
	slow.Drain(-1)
	st.clock.Advance(0)
	got := watch(t, slow)
	missed, next := uint64(0), got.hello.From
	for _, e := range got.events {
		missed += e.First - next
		next = e.Next
	}
	if next != 200*maxListed || missed == 0 || missed%maxListed != 0 {
		t.Errorf("it is at %d, and was told that it missed %d", next, missed)
	}
}

func TestNewBrowserGetsTheLast(t *testing.T) {
	st := newStage(t, &Page{})
	for i := range 900 {
		st.hit(fmt.Sprint("/", i))
		st.clock.Advance(perEvent)
	}
	got := watch(t, st.ask("/hits"))
	if n := len(got.events); n != MaxPast || !strings.HasSuffix(got.paths(), " /899") || got.hello.From != 400 {
		t.Errorf("got %d events from %d, want the last %d", n, got.hello.From, MaxPast)
	}
}

// A browser that comes late has the chart of one that was there all the time:
// the hello's rates, and what comes after Until, are all hits of two minutes.
func TestRates(t *testing.T) {
	st := newStage(t, &Page{})
	for i := range 600 {
		for range i % 7 {
			st.hit("/")
		}
		st.clock.Advance(time.Second)
	}
	st.hit("/not", "/yet", "/sent")
	conn := st.ask("/hits")
	st.clock.Advance(time.Second)
	got := watch(t, conn)
	inRates, after := int64(0), uint64(0)
	for i, r := range got.hello.Rates {
		if i > 0 && r[0] <= got.hello.Rates[i-1][0] || r[0] <= st.clock.Now().Unix()-rateSeconds-2 {
			t.Errorf("second %d is not in order, or too old", r[0])
		}
		if want := (r[0] - sim.Epoch.Unix()) % 7; r[3] != want {
			t.Errorf("second %d has %d hits, want %d", r[0], r[3], want)
		}
		inRates += r[3]
	}
	for _, e := range got.events {
		if e.First >= got.hello.Until {
			after += e.Next - e.First
		}
	}
	if inRates < 340 || inRates > 370 || after != 3 {
		t.Errorf("got %d hits in the rates and %d after them, want about 360 and 3", inRates, after)
	}
	var r rates
	r.add(time.Unix(1000, 0), &[6]int{0, 0, 1})
	r.add(time.Unix(1000-rateSeconds, 0), &[6]int{0, 0, 1})
	if all := r.until(time.Unix(1001, 0)); len(all) != 1 || all[0] != (rate{1000, 0, 0, 1}) {
		t.Errorf("got %v, want the second 1000 and not one that was long ago", all)
	}
}
