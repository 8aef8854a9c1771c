package weblog

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestHits(t *testing.T) {
	document := header + `<hit host="::1" ident="-" user="-" time="2026-11-22T10:00:00Z" method="GET" path="/&lt;&#10;é" protocol="HTTP/1.1" status="404" bytes="9" referrer="" agent="a&amp;b" later="1"/>
<none/>
<lost count="17"/>
<!-- a remark --><what is="this"/>
<hit host="::2" time="2026-11-22T10:00:00Z"/>
` + trailer + "more"
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(document), "byte by byte": iotest.OneByteReader(strings.NewReader(document)),
	} {
		t.Run(name, func(t *testing.T) {
			var got []Hit
			var lost uint64
			for hit, err := range Hits(r) {
				if gap, ok := errors.AsType[*LostError](err); ok {
					lost += gap.Count
				} else if err != nil {
					t.Fatal(err)
				} else {
					got = append(got, hit)
				}
			}
			at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
			want := Hit{Host: "::1", Ident: "-", User: "-", Time: at, Method: "GET", Path: "/<\né", Protocol: "HTTP/1.1", Status: 404, Bytes: 9, Agent: "a&b"}
			if len(got) != 2 || got[0] != want || got[1] != (Hit{Host: "::2", Time: at}) || lost != 17 {
				t.Errorf("got %+v, %d lost", got, lost)
			}
		})
	}
}

func TestHitsRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, document string
		want           string
	}{
		{"cut in an element", header + `<hit host="a`, "unexpected EOF"},
		{"cut between elements", header + "<none/>\n", "unexpected EOF"},
		{"nothing at all", "", "unexpected EOF"},
		{"another document", "<html><body>", `got "<html>", want <weblog>`},
		{"no XML", "HTTP/1.1 400 Bad Request\r\n<>", "want XML"},
		{"a time that is none", header + `<hit time="today"/>`, `got "today", want a hit's time`},
		{"a status that is none", header + `<hit status="ok"/>`, `got "ok", want a hit's status`},
		{"bytes that are none", header + `<hit bytes="-"/>`, `got "-", want a hit's bytes`},
		{"lost how many", header + `<lost count="-1"/>`, "want a number of lost hits"},
		{"lost", header + `<lost/>`, "want a number of lost hits"},
		{"an element without end", header + `<hit agent="` + strings.Repeat("x", maxElementBytes+1<<16), "elements of at most"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var last error
			n := 0
			for _, err := range Hits(strings.NewReader(tc.document)) {
				last = err
				n++
			}
			if n != 1 || last == nil || !strings.Contains(last.Error(), tc.want) {
				t.Errorf("got %v after %d, want one error with %q", last, n, tc.want)
			}
		})
	}
}

func FuzzHits(f *testing.F) {
	f.Add(header + "<none/><lost count=\"1\"/>" + `<hit host="a"/>` + trailer)
	f.Fuzz(func(t *testing.T, document string) {
		over := false
		for _, err := range Hits(strings.NewReader(document)) {
			if over {
				t.Fatal("something was yielded after the last error")
			}
			_, lost := errors.AsType[*LostError](err)
			over = err != nil && !lost
		}
	})
}
