package cgi

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twistor-go/twistor/protocol/web"
)

// FuzzHead: what a head says does not depend on how it was cut, and no field
// is there that a program may not say.
func FuzzHead(f *testing.F) {
	f.Add("Content-Type: a/b\nX: y\r\n\nbody", 3)
	f.Add("Status: 302 Found\nLocation: /\n\n", 1)
	f.Add(":\n\n", 2)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		read := func(size int) (h head, rest string, done bool, err error) {
			h.most = 200
			for p := []byte(text); len(p) > 0 && !done && err == nil; {
				n := min(max(size, 1), len(p))
				var r []byte
				r, done, err = h.next(p[:n])
				if p = p[n:]; done {
					rest = string(r) + string(p)
				}
			}
			return h, rest, done, err
		}
		a, rest, done, err := read(len(text))
		b, rest2, done2, err2 := read(cut % 50)
		if done != done2 || fmt.Sprint(err) != fmt.Sprint(err2) || err == nil && (rest != rest2 || a.status != b.status || !slices.Equal(a.fields, b.fields)) {
			t.Errorf("%q: got %v %q %v %v whole, %v %q %v %v in pieces of %d", text, a.fields, rest, done, err, b.fields, rest2, done2, err2, cut)
		}
		if done && err == nil && (a.status < 200 || a.status > 599 || slices.ContainsFunc(a.fields, func(f web.Field) bool { return f.Name == "Transfer-Encoding" })) {
			t.Errorf("%q: got %d %v", text, a.status, a.fields)
		}
	})
}
