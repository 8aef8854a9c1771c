package poll

import (
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// FuzzChanges: whatever the system wrote, names are inside of it and have no NUL.
func FuzzChanges(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 'a', 0, 0, 0})
	f.Add([]byte{1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 'a'})
	f.Add([]byte{255, 255, 255, 255, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, p []byte) {
		told := 0
		parseChanges(p, func(c Change) {
			told++
			if c.Op == 0 || strings.Contains(c.Name, "\x00") || len(c.Name) > len(p) {
				t.Errorf("change %+v of %d bytes", c, len(p))
			}
		})
		if told > len(p)/unix.SizeofInotifyEvent {
			t.Errorf("%d changes in %d bytes", told, len(p))
		}
	})
}

// FuzzControl: no control data make the parsers of rights and of Via fail
// otherwise than by an error.
func FuzzControl(f *testing.F) {
	f.Add(unix.UnixRights(3, 4, 5))
	var z zones
	d := descriptors{}
	var c ancillary
	var header unix.Msghdr
	d.putVia(&c, &header, loopback(1).Addr(), unix.AF_INET)
	f.Add(append([]byte(nil), c.bytes()[:header.Controllen]...))
	d.putVia(&c, &header, loopback(1).Addr(), unix.AF_INET6)
	f.Add(append([]byte(nil), c.bytes()[:header.Controllen]...))
	f.Fuzz(func(t *testing.T, p []byte) {
		// As the system gives them: aligned.
		room := make([]uint64, len(p)/8+1)
		aligned := unsafe.Slice((*byte)(unsafe.Pointer(&room[0])), len(p))
		copy(aligned, p)
		if via := z.via(aligned); via.Is4In6() || via.Is6() && via.IsMulticast() {
			t.Errorf("Via is %v", via)
		}
		if fds, err := rightsIn(aligned); err == nil && len(fds)*4 > len(p) {
			t.Errorf("%d descriptors in %d bytes", len(fds), len(p))
		}
	})
}

// FuzzPath: an address of any bytes and length has a path without NUL that can
// be written back, and comes out the same.
func FuzzPath(f *testing.F) {
	f.Add([]byte("/run/x"))
	f.Add([]byte("\x00abstract"))
	f.Add([]byte{})
	f.Add(make([]byte, 108))
	f.Fuzz(func(t *testing.T, p []byte) {
		var raw unix.RawSockaddrAny
		sa := (*unix.RawSockaddrUnix)(unsafe.Pointer(&raw))
		room := (*[len(sa.Path)]byte)(unsafe.Pointer(&sa.Path))
		for i := range room {
			room[i] = 'x' // an older, longer address
		}
		n := copy(room[:], p)
		terminate(&raw, uint32(2+n))
		path := pathOf(sa)
		if strings.Contains(path, "\x00") || len(path) > len(room) {
			t.Fatalf("path %q of % x", path, p)
		}
		if path == "" || len(path) > maxPathBytes || path[0] == '@' && len(p) > 0 && p[0] == '@' {
			return // unnamed; too long to be written; a file that is called like an abstract name
		}
		var back unix.RawSockaddrAny
		var length uint32
		if err := putPath((*unix.RawSockaddrUnix)(unsafe.Pointer(&back)), path, &length); err != nil {
			t.Fatal(err)
		}
		terminate(&back, length)
		if again := pathOf((*unix.RawSockaddrUnix)(unsafe.Pointer(&back))); again != path {
			t.Errorf("%q came back as %q", path, again)
		}
	})
}
