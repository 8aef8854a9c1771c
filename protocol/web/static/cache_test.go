package static

import (
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

func get(c *sim.Transport, path string) {
	c.Receive("GET " + path + " HTTP/1.1\r\nHost: example.com\r\n\r\n")
}

// A file is held as long as it is sent, by whoever leaves or forgets it meanwhile, and
// not longer.
func TestFilesAreGivenBack(t *testing.T) {
	clock := sim.NewClock(t)
	site := fstest.MapFS{"big": {Data: make([]byte, 10<<20)}}
	f := &Files{FS: site}
	s := &web.Server{Handler: f}
	var clients []*sim.Transport
	for range 3 {
		c := sim.Connect(clock, s)
		c.Hold()
		get(c, "/big")
		clients = append(clients, c)
	}
	clock.Advance(time.Millisecond)
	c := f.cache.first.found.file
	if c.users != 4 || c.gone {
		t.Fatalf("%d users while three are sent, want 4 with the cache", c.users)
	}
	clients[0].Break(syscall.ECONNRESET)
	clock.Advance(0)
	if c.users != 3 {
		t.Errorf("%d users when one has left, want 3", c.users)
	}
	f.Close()
	if c.users != 2 || c.gone {
		t.Errorf("%d users when the cache has let go, want 2", c.users)
	}
	for range 1000 {
		clients[1].Drain(1 << 20)
		clock.Advance(0)
	}
	if c.users != 1 || c.gone {
		t.Errorf("%d users when one has got it, want 1", c.users)
	}
	clients[2].Break(syscall.ECONNRESET)
	clock.Advance(0)
	if c.users != 0 || !c.gone {
		t.Errorf("%d users at the end, closed %v; want it closed", c.users, c.gone)
	}
}

// A change gives the old file back too.
func TestChangedFilesAreGivenBack(t *testing.T) {
	clock := sim.NewClock(t)
	site := fstest.MapFS{"big": {Data: make([]byte, 1<<20)}}
	f := &Files{FS: site, Recheck: -1}
	c := sim.Connect(clock, &web.Server{Handler: f})
	get(c, "/big")
	clock.Advance(time.Millisecond)
	old := f.cache.first.found.file
	get(c, "/big")
	clock.Advance(time.Millisecond)
	if same := f.cache.first.found.file; same != old || old.users != 1 {
		t.Errorf("the same file: opened anew %v, %d users", same != old, old.users)
	}
	site["big"] = &fstest.MapFile{Data: make([]byte, 2<<20)}
	get(c, "/big")
	clock.Advance(time.Millisecond)
	if !old.gone || f.cache.first.found.file == old {
		t.Errorf("another file: the old one is closed %v, want it", old.gone)
	}
}

// how much is remembered.
func TestX01Cache(t *testing.T) {
	var c cache
	now := time.Now()
	small := func(n int) *found { return &found{file: &content{all: make([]byte, n)}} }
	for i := range 3 * maxEntries {
		c.put(fmt.Sprint(i), small(1), now)
		c.get("0") // it stays, since it is used
	}
	if len(c.entries) != maxEntries || c.get("0") == nil || c.get("1") != nil {
		t.Errorf("%d entries; the one in use is there %v", len(c.entries), c.get("0") != nil)
	}
	for i := range 1000 {
		c.put(fmt.Sprint("large", i), small(maxSmall), now)
	}
	if c.memory > maxMemory {
		t.Errorf("%d bytes in memory", c.memory)
	}
	var files []*content
	for i := range 3 * maxOpen {
		x := &content{file: closer{}, at: strings.NewReader("")}
		files = append(files, x)
		c.put(fmt.Sprint("open", i), &found{file: x}, now)
	}
	open := 0
	for _, x := range files {
		if !x.gone {
			open++
		}
	}
	if open != maxOpen || c.open != maxOpen {
		t.Errorf("%d files are open, counted %d; want %d", open, c.open, maxOpen)
	}
	c.put("open0", small(1), now) // in the place of another
	c.clear()
	if len(c.entries) != 0 || c.open != 0 || c.memory != 0 || c.first != nil || c.last != nil {
		t.Errorf("after clear: %+v", c)
	}
}

type closer struct{ fstest.MapFS }

func (closer) Read([]byte) (int, error)   { return 0, io.EOF }
func (closer) Stat() (fs.FileInfo, error) { return nil, nil }
func (closer) Close() error               { return nil }

func BenchmarkFiles(b *testing.B) {
	clock := sim.NewClock(b)
	site := fstest.MapFS{"small": {Data: make([]byte, 1000)}}
	for _, path := range []string{"/small"} {
		c := sim.Connect(clock, &web.Server{Handler: &Files{FS: site}})
		get(c, path)
		clock.Advance(0)
		b.ReportAllocs()
		for b.Loop() {
			get(c, path)
			c.Clear()
		}
	}
}

// H1-21: whatever a path says, the name is of something within, and not hidden.
func FuzzName(f *testing.F) {
	for _, p := range []string{"/", "/a/b/", "/../x", "/a/./b", "//x", "/a\\..\\b", "/.git/x", "/.well-known/x", "", "x", "/a\x00"} {
		f.Add(p)
	}
	files := &Files{}
	f.Fuzz(func(t *testing.T, p string) {
		name, slash, ok := files.name(p)
		if !ok {
			return
		}
		if utf8.ValidString(name) && !fs.ValidPath(name) || strings.ContainsAny(name, "\x00\\") || slash != strings.HasSuffix(p, "/") {
			t.Errorf("%q: name %q", p, name)
		}
		for part := range strings.SplitSeq(name, "/") {
			if part == ".." || part == "" || part[0] == '.' && part != ".well-known" && name != "." {
				t.Errorf("%q: name %q", p, name)
			}
		}
	})
}
