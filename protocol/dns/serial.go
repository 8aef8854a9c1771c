package dns

import "time"

// A Serial is a number that goes round: a zone's version, of a SOA record, and
// the seconds of signatures' times. One is after another if it is up to half
// the circle ahead.
//
// See https://www.rfc-editor.org/rfc/rfc1982.
type Serial uint32

// After reports whether s is newer than t. Of two that are half the circle
// apart, neither is.
//
// See https://www.rfc-editor.org/rfc/rfc1982#section-3.2.
func (s Serial) After(t Serial) bool {
	d := uint32(s - t)
	return d != 0 && d < 1<<31
}

// Next is the serial after s. It is never 0, which some take for none.
func (s Serial) Next() Serial {
	if s++; s == 0 {
		s++
	}
	return s
}

// SerialOf is the second of t, as signatures have it.
//
// See https://www.rfc-editor.org/rfc/rfc4034#section-3.1.5.
func SerialOf(t time.Time) Serial { return Serial(t.Unix()) }

// Time is the second that s stands for, of the many the one nearest to now.
func (s Serial) Time(now time.Time) time.Time {
	return time.Unix(now.Unix()+int64(int32(s-SerialOf(now))), 0)
}
