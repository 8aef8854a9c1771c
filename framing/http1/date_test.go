package http1_test

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/twistor-go/twistor/framing/http1"
)

// What is written is what package time writes, and is read back.
func TestDates(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	for range 20_000 {
		want := time.Unix(r.Int64N(253402300800), 0).UTC()
		text := want.Format(http.TimeFormat)
		if got := string(http1.AppendDate(nil, want.In(time.FixedZone("X", 3600)))); got != text {
			t.Fatalf("got %q, want %q", got, text)
		}
		for _, layout := range []string{http.TimeFormat, time.ANSIC} {
			if got, err := http1.ParseDate(want.Format(layout), now); err != nil || !got.Equal(want) {
				t.Fatalf("%q: got %v, %v, want %v", want.Format(layout), got, err, want)
			}
		}
		if want.Year() > 1976 && want.Year() < 2076 {
			text := want.Format("Monday, 02-Jan-06 15:04:05 GMT")
			if got, err := http1.ParseDate(text, now); err != nil || !got.Equal(want) {
				t.Fatalf("%q: got %v, %v, want %v", text, got, err, want)
			}
		}
	}
}

// "a timestamp that appears to be more than 50 years in the future" is past.
func TestDateOfTwoDigits(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for text, year := range map[string]int{
		"Sunday, 06-Nov-94 08:49:37 GMT":    1994,
		"Wednesday, 01-Jul-76 12:00:00 GMT": 2076,
		"Wednesday, 01-Jul-76 12:00:01 GMT": 1976,
		"Tuesday, 29-Feb-00 00:00:00 GMT":   2000,
	} {
		if got, err := http1.ParseDate(text, now); err != nil || got.Year() != year {
			t.Errorf("%s: got %v, %v, want %d", text, got, err, year)
		}
	}
}

func TestBadDates(t *testing.T) {
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	for _, text := range []string{
		"", "Sun", "Sun, ", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMT ",
		" Sun, 06 Nov 1994 08:49:37 GMT", "sun, 06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT", "Tue, 29 Feb 2023 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, +6 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-1994 08:49:37 GMT", "Sunday 06-Nov-94 08:49:37 GMT", "Sunday, 06 Nov 94 08:49:37 GMT",
		"Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 94", "Sun Nov 06 08:49:37 1994 GMT", "784111777",
		"Sun, 06Nov 1994 08:49:37 GMT", "Sun,06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov1994 08:49:37 GMT", "Sun, 06 Nov 199408:49:37 GMT",
		"Sun, 06 Nov 1994 0849:37 GMT", "Sun, 06 Nov 1994 08:4937 GMT", "Sun Nov06 08:49:37 1994", "SunNov  6 08:49:37 1994",
		"Sun Nov  608:49:37 1994", "Sun Nov  6 08:49:371994", "Sunday,06-Nov-94 08:49:37 GMT", "Sunday, 06Nov-94 08:49:37 GMT",
		"Sunday, 06-Nov94 08:49:37 GMT", "Sunday, 06-Nov-9408:49:37 GMT", "Someday, 06-Nov-94 08:49:37 GMT",
	} {
		if got, err := http1.ParseDate(text, now); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
	// A leap second is the second after it.
	if got, err := http1.ParseDate("Sat, 31 Dec 2016 23:59:60 GMT", now); err != nil || !got.Equal(time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("got %v, %v, want the new year", got, err)
	}
	for year, want := range map[int]string{-1: "Sat, 01 Jan 0000 00:00:00 GMT", 10_000: "Fri, 31 Dec 9999 23:59:59 GMT"} {
		if got := string(http1.AppendDate(nil, time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))); got != want {
			t.Errorf("year %d: got %q, want %q", year, got, want)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	f.Add("Sun, 06 Nov 1994 08:49:37 GMT")
	f.Add("Sunday, 06-Nov-94 08:49:37 GMT")
	f.Add("Sun Nov  6 08:49:37 1994")
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := http1.ParseDate(text, now)
		if err != nil {
			return
		}
		again, err := http1.ParseDate(string(http1.AppendDate(nil, got)), now)
		if err != nil || !again.Equal(got) {
			t.Errorf("%q: got %v, and then %v, %v", text, got, again, err)
		}
	})
}
