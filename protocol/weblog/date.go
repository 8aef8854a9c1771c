package weblog

import (
	"bytes"
	"time"
)

// timeLayout is how logs write a time, between brackets.
const timeLayout = "02/Jan/2006:15:04:05 -0700"

// findTime finds ` [time] "` in line: where it begins, and the time; -1 if it
// is not there. The user's name before it is the client's to choose and may
// look like a time, but a quote in it is always escaped.
func findTime(line []byte) (at int, when time.Time) {
	for from := 0; ; {
		i := bytes.Index(line[from:], []byte(" ["))
		if i < 0 {
			return -1, time.Time{}
		}
		at = from + i
		b := line[at+2:]
		if len(b) < len(timeLayout)+3 {
			return -1, time.Time{}
		}
		if string(b[len(timeLayout):len(timeLayout)+3]) == `] "` {
			if when, ok := parseTime(b[:len(timeLayout)]); ok {
				return at, when
			}
		}
		from = at + 1
	}
}

// parseTime reads a time of timeLayout. time.Parse would do, at five times the
// cost and with an allocation for every new zone.
func parseTime(b []byte) (time.Time, bool) {
	if b[2] != '/' || b[6] != '/' || b[11] != ':' || b[14] != ':' || b[17] != ':' || b[20] != ' ' ||
		b[21] != '+' && b[21] != '-' {
		return time.Time{}, false
	}
	day, ok1 := twoDigits(b)
	month := monthOf(b[3:6])
	century, ok2 := twoDigits(b[7:])
	year, ok3 := twoDigits(b[9:])
	hour, ok4 := twoDigits(b[12:])
	minute, ok5 := twoDigits(b[15:])
	second, ok6 := twoDigits(b[18:])
	zoneHours, ok7 := twoDigits(b[22:])
	zoneMinutes, ok8 := twoDigits(b[24:])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7 && ok8) || month == 0 ||
		hour > 23 || minute > 59 || second > 60 || zoneHours > 23 || zoneMinutes > 59 {
		return time.Time{}, false
	}
	midnight := time.Date(century*100+year, month, day, 0, 0, 0, 0, time.UTC)
	if midnight.Day() != day {
		return time.Time{}, false // the 31st of a shorter month
	}
	zone := time.Duration(zoneHours)*time.Hour + time.Duration(zoneMinutes)*time.Minute
	if b[21] == '-' {
		zone = -zone
	}
	t := midnight.Add(time.Duration((hour*60+minute)*60+second)*time.Second - zone)
	// Beyond these years RFC 3339, and so the stream, has no way to write it.
	return t, t.Year() >= 0 && t.Year() <= 9999
}

func twoDigits(b []byte) (n int, ok bool) {
	tens, ones := b[0]-'0', b[1]-'0'
	return int(tens)*10 + int(ones), tens <= 9 && ones <= 9
}

// monthOf knows the English names; web servers write no others.
func monthOf(b []byte) time.Month {
	switch string(b) {
	case "Jan":
		return time.January
	case "Feb":
		return time.February
	case "Mar":
		return time.March
	case "Apr":
		return time.April
	case "May":
		return time.May
	case "Jun":
		return time.June
	case "Jul":
		return time.July
	case "Aug":
		return time.August
	case "Sep":
		return time.September
	case "Oct":
		return time.October
	case "Nov":
		return time.November
	case "Dec":
		return time.December
	}
	return 0
}
