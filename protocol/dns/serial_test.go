package dns

import (
	"testing"
	"time"
)

// TestN19 compares serials where they go round, and dates beyond 2106.
func TestN19(t *testing.T) {
	for _, tt := range []struct {
		s, t Serial
		want bool
	}{
		{1, 0, true}, {0, 1, false}, {5, 5, false},
		{0, 0xffffffff, true}, {0xffffffff, 0, false}, {100, 0xffffff00, true},
		{0x7fffffff, 0, true}, {0x80000001, 0, false}, {0, 0x80000001, true},
		{0x80000000, 0, false}, {0, 0x80000000, false}, // RFC 1982: undefined
		{2024010101, 2023123199, true},
	} {
		if got := tt.s.After(tt.t); got != tt.want {
			t.Errorf("%d after %d: got %v, want %v", tt.s, tt.t, got, tt.want)
		}
	}
	for _, s := range []Serial{0, 7, 0x7fffffff, 0xfffffffe, 0xffffffff} {
		if n := s.Next(); !n.After(s) || n == 0 {
			t.Errorf("behind %d: got %d, want a newer one that is not 0", s, n)
		}
	}
	for _, now := range []time.Time{time.Unix(1_800_000_000, 0), time.Unix(1<<32-5, 0), time.Unix(1<<32+5, 0)} {
		for _, off := range []time.Duration{0, -30 * 24 * time.Hour, 30 * 24 * time.Hour, 60 * 365 * 24 * time.Hour} {
			want := now.Add(off)
			if got := SerialOf(want).Time(now); !got.Equal(want) {
				t.Errorf("at %v: got %v, want %v", now.UTC(), got.UTC(), want.UTC())
			}
		}
	}
}
