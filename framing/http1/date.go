package http1

import (
	"errors"
	"time"
)

// ErrDate says that a value is no date of HTTP.
var ErrDate = errors.New("http1: not a date: want a form like Sun, 06 Nov 1994 08:49:37 GMT")

const (
	daysOfWeek = "SunMonTueWedThuFriSat"
	months     = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

// AppendDate appends t as an IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT", to
// dst. The year is from 0 to 9999; what is outside is written as the nearest.
// https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
func AppendDate(dst []byte, t time.Time) []byte {
	t = t.UTC()
	if t.Year() > 9999 {
		t = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	} else if t.Year() < 0 {
		t = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	w, m := 3*int(t.Weekday()), 3*int(month-1)
	dst = append(dst, daysOfWeek[w:w+3]...)
	dst = append(dst, ',', ' ')
	dst = appendTwo(dst, day, ' ')
	dst = append(dst, months[m:m+3]...)
	dst = append(dst, ' ')
	dst = appendTwo(dst, year/100, '0'+byte(year%100/10))
	dst = append(dst, '0'+byte(year%10), ' ')
	dst = appendTwo(dst, hour, ':')
	dst = appendTwo(dst, minute, ':')
	dst = appendTwo(dst, second, ' ')
	return append(dst, "GMT"...)
}

func appendTwo(dst []byte, n int, then byte) []byte {
	return append(dst, '0'+byte(n/10), '0'+byte(n%10), then)
}

// ParseDate reads a date in any of the three forms that a recipient must know;
// else it returns ErrDate. now decides the century of the form with two digits:
// "a timestamp that appears to be more than 50 years in the future" is "the most
// recent year in the past that had the same last two digits".
// https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
func ParseDate(value string, now time.Time) (time.Time, error) {
	d := dateReader{rest: value}
	switch {
	case len(value) > 3 && value[3] == ',': // Sun, 06 Nov 1994 08:49:37 GMT
		d.name(daysOfWeek)
		d.literal(", ")
		d.day = d.number(2)
		d.literal(" ")
		d.month = d.name(months)
		d.literal(" ")
		d.year = d.number(4)
		d.literal(" ")
		d.clock()
		d.literal(" GMT")
	case len(value) > 3 && value[3] == ' ': // Sun Nov  6 08:49:37 1994
		d.name(daysOfWeek)
		d.literal(" ")
		d.month = d.name(months)
		d.literal(" ")
		if len(d.rest) > 0 && d.rest[0] == ' ' {
			d.literal(" ")
			d.day = d.number(1)
		} else {
			d.day = d.number(2)
		}
		d.literal(" ")
		d.clock()
		d.literal(" ")
		d.year = d.number(4)
	default: // Sunday, 06-Nov-94 08:49:37 GMT
		d.longDay()
		d.literal(", ")
		d.day = d.number(2)
		d.literal("-")
		d.month = d.name(months)
		d.literal("-")
		d.year = d.number(2)
		d.literal(" ")
		d.clock()
		d.literal(" GMT")
		d.century(now.UTC())
	}
	return d.time()
}

// A dateReader reads a date from left to right; bad says that it was none.
type dateReader struct {
	rest                 string
	bad                  bool
	year, month, day     int
	hour, minute, second int
}

func (d *dateReader) literal(s string) {
	if len(d.rest) < len(s) || d.rest[:len(s)] != s {
		d.bad = true
		return
	}
	d.rest = d.rest[len(s):]
}

// name reads one of the names of three letters, and returns its number from 1.
func (d *dateReader) name(of string) int {
	for i := 0; i < len(of) && len(d.rest) >= 3; i += 3 {
		if d.rest[:3] == of[i:i+3] {
			d.rest = d.rest[3:]
			return i/3 + 1
		}
	}
	d.bad = true
	return 0
}

func (d *dateReader) longDay() {
	for w := time.Sunday; w <= time.Saturday; w++ {
		if s := w.String(); len(d.rest) >= len(s) && d.rest[:len(s)] == s {
			d.rest = d.rest[len(s):]
			return
		}
	}
	d.bad = true
}

func (d *dateReader) number(digits int) (n int) {
	if len(d.rest) < digits {
		d.bad = true
		return 0
	}
	for i := range digits {
		if !digit(d.rest[i]) {
			d.bad = true
			return 0
		}
		n = n*10 + int(d.rest[i]-'0')
	}
	d.rest = d.rest[digits:]
	return n
}

func (d *dateReader) clock() {
	d.hour = d.number(2)
	d.literal(":")
	d.minute = d.number(2)
	d.literal(":")
	d.second = d.number(2)
}

// century completes a year of two digits.
func (d *dateReader) century(now time.Time) {
	d.year += now.Year() / 100 * 100
	limit := now.AddDate(50, 0, 0)
	if t, err := d.time(); err == nil && t.After(limit) {
		d.year -= 100
	}
}

// time is the date, if there is such a day and time. A leap second counts as
// the second after it.
func (d *dateReader) time() (time.Time, error) {
	if d.bad || d.rest != "" || d.hour > 23 || d.minute > 59 || d.second > 60 {
		return time.Time{}, ErrDate
	}
	day := time.Date(d.year, time.Month(d.month), d.day, 0, 0, 0, 0, time.UTC)
	if day.Day() != d.day || d.day == 0 {
		return time.Time{}, ErrDate
	}
	return time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, 0, time.UTC), nil
}
