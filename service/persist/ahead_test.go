package persist

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// zeros is how many bytes of room a file has.
func zeros(t *testing.T, disk *sim.Disk, name string) int {
	t.Helper()
	b := content(t, disk, name)
	return len(b) - len(bytes.TrimRight(b, "\x00"))
}

// TestRoomIsNoDamage starts again after a kill, after a loss of power and after a
// clean close: nothing is missing, and nothing is said. After the kill there is
// room in the file, after the close there is none.
func TestRoomIsNoDamage(t *testing.T) {
	const left = aheadBytes - 2*(batchLineBytes+len("1\n")) // it was made for the first of three
	for _, x := range []struct {
		what string
		end  func(d *desk)
		room int
	}{
		{"killed", func(d *desk) { d.disk.Kill() }, left},
		{"power fails", func(d *desk) { d.disk.CrashKeeping(0) }, left},
		{"closed", func(d *desk) { d.must(t, d.store.Close) }, 0},
	} {
		d := newDesk(t, nil)
		for i := range 3 {
			d.append(i)
			d.Advance(0)
		}
		file := only(t, d.disk, "/var", segmentSuffix)
		x.end(d)
		if got := zeros(t, d.disk, file); got != x.room {
			t.Errorf("%s: got %d bytes of room, want %d", x.what, got, x.room)
		}
		l := newLife(d.disk, nil)
		c := newCounter()
		c.open(t, l, l.open(t, Config{}))
		if c.Count != 3 || c.Sum != 3 || l.Logged() != "" {
			t.Errorf("%s: got %d changes with sum %d, and %q said; want 3 with 3 and nothing", x.what, c.Count, c.Sum, l.Logged())
		}
		l.die()
	}
}

// TestRoomIsCutFromTheOlderSegment sees the segment that a new base replaces end
// with its last batch.
func TestRoomIsCutFromTheOlderSegment(t *testing.T) {
	d := newDesk(t, nil)
	d.append(1)
	d.Advance(0)
	older := only(t, d.disk, "/var", segmentSuffix)
	if zeros(t, d.disk, older) == 0 {
		t.Fatal("there was no room")
	}
	d.save(t, d.store, "")
	if n := zeros(t, d.disk, older); n != 0 {
		t.Errorf("got %d bytes of room in the older segment, want none", n)
	}
	rotten := d.disk.Clone()
	overwrite(t, rotten, only(t, rotten, "/var", "0002", segmentSuffix), []byte("ruin"))
	rotten.Remove("/var/fib.tap")
	l := newLife(rotten, nil)
	defer l.die()
	c := newCounter()
	c.open(t, l, l.open(t, Config{}))
	if c.Count != 1 {
		t.Errorf("got %d changes of the older segment, want 1", c.Count)
	}
	l.Errors()
}

// TestTornBeforeRoom leaves of the last batch each number of bytes, with room
// behind: it is dropped, and as many bytes are said as there are.
func TestTornBeforeRoom(t *testing.T) {
	disk := atRest(t)
	file := only(t, disk, "/var", "0002", segmentSuffix)
	good := content(t, disk, file)
	last := bytes.LastIndex(good, []byte("\n"+batchWord)) + 1
	if len(good) > last+100 {
		t.Fatalf("the last batch and what follows have %d bytes, want no room", len(good)-last)
	}
	for i := last; i < len(good); i++ {
		b := append(good[:i:i], make([]byte, len(good)-i+1000)...)
		x := examine(t, disk, file, b)
		want := ""
		if i > last {
			want = fmt.Sprintf(" bytes=%d\n", i-last)
		}
		if x.err != nil || x.count != 7 || len(x.complaints) > 0 || !strings.HasSuffix(x.log, want) || strings.Count(x.log, "\n") != strings.Count(want, "\n") {
			t.Errorf("%d bytes of it are left: got %+v, want 7 changes and the log to end in %q", i-last, x, want)
		}
	}
}

// TestZerosBeforeABatchAreDamage wipes a batch that has another one behind it.
func TestZerosBeforeABatchAreDamage(t *testing.T) {
	disk := atRest(t)
	file := only(t, disk, "/var", "0002", segmentSuffix)
	b := content(t, disk, file)
	first := bytes.Index(b, []byte("\n"+batchWord)) + 1
	clear(b[first : first+bytes.Index(b[first:], []byte("\n"+batchWord))+1])
	b = append(b, make([]byte, 1000)...)
	if x := examine(t, disk, file, b); x.err != nil || x.count != 3 || len(x.complaints) != 1 || len(x.aside) != 1 {
		t.Errorf("got %+v, want 3 changes, an error and the file put aside", x)
	}
}

// A pile is a journal of texts.
type pile struct {
	*loop
	store   *Store
	journal *Journal[string]
	texts   []string
}

func openPile(l *loop, compactBytes int) (*pile, error) {
	p := &pile{loop: l}
	p.journal = &Journal[string]{Name: "pile", State: &p.texts, Apply: func(s string) { p.texts = append(p.texts, s) }, CompactBytes: compactBytes}
	return p, l.do(func(co *deferred.Co) (err error) {
		if p.store, err = Open(co, l, Config{Dir: "/var", Name: "fib"}); err != nil {
			return err
		}
		return p.journal.Open(co, p.store)
	})
}

func (p *pile) add(text string) error {
	return p.do(func(co *deferred.Co) error { return second(p.journal.Append(text).Await(co)) })
}

// TestGrowsAhead sees a segment grow once for many batches, for one that is larger
// than the step as well, and never beyond what its batches may take.
func TestGrowsAhead(t *testing.T) {
	for _, x := range []struct{ size, n, growths int }{
		{10_000, 400, 4}, // 4 MB
		{aheadBytes + aheadBytes/2, 2, 2},
	} {
		p, err := openPile(newLoop(t), 0)
		if err != nil {
			t.Fatal(err)
		}
		file := only(t, p.disk, "/var", segmentSuffix)
		base := len(content(t, p.disk, file))
		growths, written := 0, base
		p.disk.Before = func(c sim.DiskCall) error {
			switch c.Op {
			case sim.DiskTruncate:
				growths++
			case sim.DiskWrite:
				written += len(c.Bytes)
				info, err := p.disk.Stat(file)
				if err != nil || info.Size() < int64(written) || info.Size() > int64(min(written+aheadBytes, base+DefaultCompactBytes)) {
					t.Errorf("a file of %d bytes, want %d and up to 1 MiB more", info.Size(), written)
				}
			}
			return nil
		}
		for range x.n {
			if err := p.add(strings.Repeat("x", x.size)); err != nil {
				t.Fatal(err)
			}
		}
		if growths != x.growths {
			t.Errorf("%d changes of %d bytes: grown %d times, want %d", x.n, x.size, growths, x.growths)
		}
		p.disk.Before = nil
		p.disk.Kill()
		again, err := openPile(newLife(p.disk, nil), 0)
		if err != nil || !slices.Equal(again.texts, p.texts) || again.Logged() != "" {
			t.Errorf("got %d changes, %v, %q said; want %d and nothing", len(again.texts), err, again.Logged(), len(p.texts))
		}
		again.die()
	}
}

// TestF31PowerFailsInRoom takes the power away before each call, with batches of
// many sectors, in room and where it ends, some larger than a step of growth. What
// was acknowledged is there, nothing is there that was not tried before, and no
// torn batch is taken for damage.
func TestF31PowerFailsInRoom(t *testing.T) {
	for _, x := range []struct {
		compactBytes, most int // bytes of the largest change
		changes, seeds     int
	}{
		{20_000, 3000, 12, scale(60, 6)},
		{0, aheadBytes * 5 / 4, 3, scale(6, 1)},
	} {
		disk, call := newDisk(), 0
		var tried []string
		acknowledged := 0
		disk.Before = func(c sim.DiskCall) error {
			for seed := range x.seeds {
				image := disk.Clone()
				image.Seed(uint64(call*x.seeds + seed))
				image.Crash()
				what := fmt.Sprintf("before call %d (%v %s), seed %d", call, c.Op, c.Name, call*x.seeds+seed)
				p, err := openPile(newLife(image, nil), x.compactBytes)
				if n := len(p.texts); err != nil || n < acknowledged || n > len(tried) || !slices.Equal(p.texts, tried[:n]) {
					t.Errorf("%s: got %d changes, %v; want %d to %d", what, n, err, acknowledged, len(tried))
				}
				if errs := p.die(); len(errs) > 0 {
					t.Errorf("%s: got %v, want no damage", what, errs)
				}
			}
			call++
			return nil
		}
		p, err := openPile(newLife(disk, nil), x.compactBytes)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x.changes {
			text := strings.Repeat(string(rune('a'+i)), x.most-x.most*(i%3)/4)
			tried = append(tried, text)
			if err := p.add(text); err != nil {
				t.Fatal(err)
			}
			acknowledged++
		}
		if err := p.do(p.store.Close); err != nil {
			t.Error(err)
		}
		p.die()
		t.Logf("%d images of the disk", call*x.seeds)
	}
}

// TestF28DiskFullAtGrowth sees a change that fits become durable on a disk that has
// no room for more: growth is refused, and not tried again with each batch.
func TestF28DiskFullAtGrowth(t *testing.T) {
	d := newDesk(t, nil)
	var used int64
	for _, name := range files(t, d.disk, "/var") {
		info, err := d.disk.Stat("/var/" + name)
		if err != nil {
			t.Fatal(err)
		}
		used += info.Size()
	}
	tries := 0
	d.disk.Before = func(c sim.DiskCall) error {
		if c.Op == sim.DiskTruncate {
			tries++
		}
		return nil
	}
	const each = int64(batchLineBytes + len("1\n"))
	d.disk.Faults.MaxBytes = used + 3*each
	for i := range 3 {
		fits := d.append(1)
		d.Advance(0)
		d.want(fmt.Sprintf("change %d, which fits", i), fits, nil)
	}
	if tries != 1 || d.journal.Err() != nil {
		t.Errorf("tried to grow %d times, and got %v; want once and all well", tries, d.journal.Err())
	}
	full := d.append(1)
	d.Advance(0)
	d.want("the one that does not fit", full, ErrUncertain)
	d.want("and why", full, syscall.ENOSPC)
	d.Errors()
	d.disk.Faults.MaxBytes = 0
	d.Advance(lastRetry)
	ok := d.append(1)
	d.Advance(0)
	d.want("on a disk with room", ok, nil)
	if n, _ := d.reborn(); n != 5 {
		t.Errorf("got %d changes, want 5", n)
	}
}

// TestF28DiskFullInRoom sees a write fail inside of a file that was grown, as it
// does where room takes no space before it is used: the segment is given up as it
// is, with the half of a batch, and its changes are in the next base.
func TestF28DiskFullInRoom(t *testing.T) {
	d := newDesk(t, nil)
	d.append(1)
	d.Advance(0)
	d.disk.FailOnce(0, syscall.ENOSPC, sim.DiskWrite)
	full := d.append(2)
	d.Advance(0)
	d.want("in room", full, ErrUncertain)
	d.Errors()
	image := d.disk.Clone() // killed before the retry
	l := newLife(image, nil)
	c := newCounter()
	c.open(t, l, l.open(t, Config{}))
	if c.Count != 1 || !strings.Contains(l.Logged(), fmt.Sprintf(" bytes=%d\n", (batchLineBytes+len("2\n"))/2)) || len(l.die()) > 0 {
		t.Errorf("killed then: got %d changes, and %q said; want 1, and half a batch dropped", c.Count, l.Logged())
	}
	d.Advance(firstRetry)
	if n, sum := d.reborn(); n != 2 || sum != 3 {
		t.Errorf("after the retry: got %d changes with sum %d, want 2 with 3", n, sum)
	}
}

// TestCutFails sees a Close whose last truncation fails succeed all the same: the
// next program starts with the room.
func TestCutFails(t *testing.T) {
	d := newDesk(t, nil)
	d.append(1)
	d.Advance(0)
	d.disk.FailOnce(0, syscall.EIO, sim.DiskTruncate)
	d.must(t, d.store.Close)
	if zeros(t, d.disk, only(t, d.disk, "/var", segmentSuffix)) == 0 {
		t.Error("the truncation did not fail")
	}
	if n, _ := d.reborn(); n != 1 {
		t.Errorf("got %d changes, want 1", n)
	}
}
