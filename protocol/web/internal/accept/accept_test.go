package accept

import (
	"testing"

	"github.com/twistor-go/twistor/framing/http1"
)

func TestBest(t *testing.T) {
	for _, c := range []struct {
		name   string
		fields []string
		want   string
	}{
		{"no field", nil, ""},
		{"empty", []string{""}, ""},
		{"one", []string{"gzip"}, "gzip"},
		{"ours first among equals", []string{"gzip, zstd"}, "zstd"},
		{"weights", []string{"gzip;q=0.9, zstd;q=0.8"}, "gzip"},
		{"case and space", []string{" GZIP ; Q=0.5 "}, "gzip"},
		{"two fields", []string{"deflate", "gzip"}, "gzip"},
		{"refused", []string{"gzip;q=0"}, ""},
		{"refused with zeros", []string{"gzip;q=0.000"}, ""},
		{"star", []string{"*"}, "zstd"},
		{"star but", []string{"zstd;q=0, *;q=0.1"}, "gzip"},
		{"identity rather", []string{"identity, gzip;q=0.5"}, ""},
		{"identity less", []string{"identity;q=0.5, gzip"}, "gzip"},
		{"identity refused", []string{"identity;q=0, gzip;q=0.1"}, "gzip"},
		{"star refused", []string{"*;q=0, gzip;q=0.1"}, "gzip"},
		{"old name", []string{"x-gzip"}, "gzip"},
		{"no weight is no coding", []string{"gzip;q=x"}, ""},
		{"above one", []string{"gzip;q=1.1"}, ""},
		{"too many digits", []string{"gzip;q=0.1234"}, ""},
		{"unknown parameter", []string{"gzip;level=9"}, "gzip"},
	} {
		var h http1.Header
		for _, f := range c.fields {
			h.Add("Accept-Encoding", f)
		}
		e := Encodings(&h)
		got := ""
		if i := e.Best("zstd", "gzip"); i >= 0 {
			got = []string{"zstd", "gzip"}[i]
		}
		if got != c.want {
			t.Errorf("%s: %q: got %q, want %q", c.name, c.fields, got, c.want)
		}
	}
}

// Whatever comes, it ends, and weights are weights.
func FuzzEncodings(f *testing.F) {
	for _, s := range []string{"gzip, br;q=0.5", "*;q=0", ",,;;q=1.0", "identity;q=0.3;q=2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var h http1.Header
		if h.Add("accept-encoding", s) != nil {
			return
		}
		c := Encodings(&h)
		for _, w := range []int{c.Weight("gzip"), c.Weight("br"), c.Identity()} {
			if w < 0 || w > 1000 {
				t.Errorf("%q: weight %d", s, w)
			}
		}
	})
}

func TestAllocatesNothing(t *testing.T) {
	var h http1.Header
	h.Add("Accept-Encoding", "gzip, deflate, br;q=0.9, zstd")
	if n := testing.AllocsPerRun(100, func() {
		c := Encodings(&h)
		c.Best("zstd", "gzip")
	}); n > 0 {
		t.Errorf("got %v allocations", n)
	}
}
