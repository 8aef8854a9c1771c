package static

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/framing/http1"
)

// H1-20, V24.
func TestH1_20Ranges(t *testing.T) {
	for _, c := range []struct {
		field string
		size  int64
		want  string
	}{
		{"bytes=0-4", 10, "0+5"},
		{"bytes=5-", 10, "5+5"},
		{"bytes=-3", 10, "7+3"},
		{"bytes=-30", 10, "0+10"},
		{"bytes=0-99", 10, "0+10"},
		{"BYTES = 0-0", 10, "0+1"},
		{"bytes=0-0,9-9", 10, "0+1 9+1"},
		{"bytes=9-9 ,\t0-0,", 10, "9+1 0+1"},
		{"bytes=0-0,20-", 10, "0+1"},
		{"bytes=10-", 10, "none"},
		{"bytes=10-20,30-40", 10, "none"},
		{"bytes=-0", 10, "none"},
		{"bytes=99999999999999999999-", 10, "none"},
		{"bytes=9223372036854775807-", 10, "none"},
		{"bytes=-9223372036854775808", 10, "0+10"}, // CVE-2017-7529
		{"bytes=17208,-9223372036854758792", 10, "whole"},
		{"bytes=0-9223372036854775807", 10, "0+10"},
		{"bytes=9223372036854775806-9223372036854775807", 1<<63 - 1, "9223372036854775806+1"},
		{"bytes=0-4,4-5", 10, "whole"}, // twice the fifth
		{"bytes=0-,0-", 10, "whole"},
		{"bytes=" + strings.Repeat("0-,", 1000), 10, "whole"}, // CVE-2011-3192
		{"bytes=" + ranges(16), 100, ""},
		{"bytes=" + ranges(17), 100, "whole"},
		{"bytes=4-2", 10, "whole"},
		{"bytes=", 10, "whole"},
		{"bytes=,", 10, "whole"},
		{"bytes=-", 10, "whole"},
		{"bytes=a-b", 10, "whole"},
		{"bytes=+1-2", 10, "whole"},
		{"bytes=1--2", 10, "whole"},
		{"bytes=--2", 10, "whole"},
		{"bytes=0x1-2", 10, "whole"},
		{"bytes 0-1", 10, "whole"},
		{"lines=0-1", 10, "whole"},
	} {
		got := "whole"
		if spans, ok := readRanges(c.field, c.size); ok {
			got = "none"
			for i, s := range spans {
				if i == 0 {
					got = ""
				}
				got += fmt.Sprintf(" %d+%d", s.off, s.n)
			}
			got = strings.TrimSpace(got)
			if c.want == "" && len(spans) == 16 {
				continue
			}
		}
		if got != c.want {
			t.Errorf("%.40s of %d: got %q, want %q", c.field, c.size, got, c.want)
		}
	}
}

// ranges is n of them, that do not overlap.
func ranges(n int) (list string) {
	for i := range n {
		list += fmt.Sprintf("%d-%d,", i*2, i*2)
	}
	return list
}

// Whatever is asked, each span lies in the file, no two overlap, and there are
// at most maxRanges.
func FuzzRanges(f *testing.F) {
	for _, s := range []string{"bytes=0-1,-5", "bytes=5-", "bytes=-9223372036854775808", "bytes=1-2,2-3"} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, field string, size int64) {
		if size <= 0 {
			return
		}
		spans, _ := readRanges(field, size)
		if len(spans) > maxRanges {
			t.Fatalf("%q: %d ranges", field, len(spans))
		}
		var sum int64
		for _, s := range spans {
			if s.off < 0 || s.n <= 0 || s.off > size-s.n {
				t.Fatalf("%q of %d: %+v", field, size, s)
			}
			if sum += s.n; sum < 0 || sum > size {
				t.Fatalf("%q of %d: %d bytes", field, size, sum)
			}
		}
	})
}

// V12: what If-Range asks for.
func TestV12IfRange(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	c := &content{etag: `"abc"`, modified: now.Add(-time.Hour)}
	const same, older, newer = "Mon, 01 Jun 2026 11:00:00 GMT", "Mon, 01 Jun 2026 10:59:59 GMT", "Mon, 01 Jun 2026 11:00:01 GMT"
	for _, row := range []struct {
		field string
		want  bool
	}{
		{"", true},
		{`If-Range: "abc"`, true},
		{`If-Range: W/"abc"`, false},
		{`If-Range: "x"`, false},
		{"If-Range: " + same, true},
		{"If-Range: Mon Jun  1 11:00:00 2026", true},
		{"If-Range: " + newer, false},
		{"If-Range: " + older, false},
		{"If-Range: x", false},
	} {
		if got := fresh(header(row.field), c, now); got != row.want {
			t.Errorf("%q: got %v, want %v", row.field, got, row.want)
		}
	}
	// A date that the file was written in is no strong validator yet.
	if fresh(header("If-Range: "+same), c, c.modified.Add(500*time.Millisecond)) {
		t.Error("If-Range with the date of this very second: want the whole file")
	}
}

func header(fields string) *http1.Header {
	var h http1.Header
	for line := range strings.SplitSeq(fields, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			h.Add(name, value)
		}
	}
	return &h
}
