package static

import "time"

const (
	// maxEntries is how many paths are remembered; the one used least recently
	// is forgotten.
	maxEntries = 1024
	// maxOpen is how many files are kept open for those that may come; as above.
	maxOpen = 256
	// maxMemory is how many bytes of files are kept for those that may come; as above.
	maxMemory = 4 << 20
)

// A cache remembers what was found, the most recently used first. It holds
// contents open. Loop-only.
type cache struct {
	entries map[string]*entry
	first   *entry
	last    *entry
	open    int
	memory  int64
}

type entry struct {
	key        string
	found      *found
	until      time.Time // then it is to be looked at again
	next, prev *entry
}

// get is what is remembered of key, fresh or not; nil: nothing.
func (c *cache) get(key string) *entry {
	e := c.entries[key]
	if e != nil && e != c.first {
		c.unlink(e)
		c.push(e)
	}
	return e
}

// put remembers x until then.
func (c *cache) put(key string, x *found, until time.Time) {
	x.hold()
	if old := c.entries[key]; old != nil {
		c.forget(old)
	}
	if c.entries == nil {
		c.entries = map[string]*entry{}
	}
	e := &entry{key: key, found: x, until: until}
	c.entries[key] = e
	c.push(e)
	x.contents(func(f *content) { c.count(f, 1) })
	for e := c.last; e != nil && e != c.first && c.tooMuch(); e = c.last {
		c.forget(e)
	}
}

func (c *cache) tooMuch() bool {
	return len(c.entries) > maxEntries || c.open > maxOpen || c.memory > maxMemory
}

func (c *cache) count(f *content, n int) {
	if f.file != nil {
		c.open += n
	}
	c.memory += int64(n * len(f.all))
}

func (c *cache) forget(e *entry) {
	delete(c.entries, e.key)
	c.unlink(e)
	e.found.contents(func(f *content) {
		c.count(f, -1)
		f.release()
	})
}

func (c *cache) clear() {
	for c.first != nil {
		c.forget(c.first)
	}
}

func (c *cache) push(e *entry) {
	e.prev, e.next = nil, c.first
	if c.first != nil {
		c.first.prev = e
	} else {
		c.last = e
	}
	c.first = e
}

func (c *cache) unlink(e *entry) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		c.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		c.last = e.prev
	}
}
