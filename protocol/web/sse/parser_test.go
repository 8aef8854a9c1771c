package sse_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/web/sse"
)

func parse(t testing.TB, p *sse.Parser, parts ...string) (all []sse.Event) {
	t.Helper()
	for _, part := range parts {
		if err := p.Parse([]byte(part), func(e sse.Event) { all = append(all, e) }); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// The examples of the specification, and its corners.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
func TestParser(t *testing.T) {
	type events = []sse.Event
	for _, c := range []struct {
		name, text string
		want       events
	}{
		{"one", "data: This is the first message.\n\n", events{{Data: "This is the first message."}}},
		{"two lines", "data: This is the second message, it\ndata: has two lines.\n\n", events{{Data: "This is the second message, it\nhas two lines."}}},
		{"lines of numbers", "data: YHOO\ndata: +2\ndata: 10\n\n", events{{Data: "YHOO\n+2\n10"}}},
		{"a comment, an ID, and one that is reset", ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
			events{{ID: "1", Data: "first event"}, {Data: "second event"}, {Data: " third event"}}},
		{"empty data", "data\n\ndata\ndata\n\ndata:", events{{Data: ""}, {Data: "\n"}}},
		{"a space or none", "data:test\n\ndata: test\n\n", events{{Data: "test"}, {Data: "test"}}},
		{"types", "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n", events{{Type: "add", Data: "73857293"}, {Type: "remove", Data: "2153"}}},
		{"the last type counts", "event: a\nevent: b\ndata: x\n\n", events{{Type: "b", Data: "x"}}},
		{"a type without data is forgotten", "event: a\n\ndata: x\n\n", events{{Data: "x"}}},
		{"CR LF and CR", "data: a\r\n\r\ndata: b\r\rdata: c\n\n", events{{Data: "a"}, {Data: "b"}, {Data: "c"}}},
		{"a mark", "\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", events{{Data: "a"}}},
		{"an ID with NUL", "id: 1\ndata: a\n\nid: \x002\ndata: b\n\n", events{{ID: "1", Data: "a"}, {ID: "1", Data: "b"}}},
		{"retry", "retry: 1500\ndata: a\n\nretry: 1s\ndata: b\n\nretry: +5\ndata: c\n\n", events{{Data: "a", Retry: 1500 * time.Millisecond}, {Data: "b"}, {Data: "c"}}},
		{"unknown fields", "x: y\nDATA: no\n data: no\ndata: a\n\n", events{{Data: "a"}}},
		{"colons", "data: a:b: c\n\n:data: no\n\n", events{{Data: "a:b: c"}}},
		{"what is not whole is not heard", "data: a\n\ndata: b\n", events{{Data: "a"}}},
		{"broken UTF-8", "data: a\xffb\n\n", events{{Data: "a\uFFFDb"}}},
	} {
		var p sse.Parser
		if got := parse(t, &p, c.text); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v, want %#v", c.name, got, c.want)
		}
		var cut sse.Parser
		if got := parse(t, &cut, strings.Split(c.text, "")...); !reflect.DeepEqual(got, c.want) && !strings.Contains(c.text, "\xef") && !strings.Contains(c.text, "\xff") {
			t.Errorf("%s, byte by byte: got %#v, want %#v", c.name, got, c.want)
		}
	}
	var p sse.Parser
	parse(t, &p, "retry: 70\nid: 5\n\nid: 6\n")
	if p.LastEventID() != "5" || p.Retry() != 70*time.Millisecond {
		t.Errorf("got ID %q and %v; an ID counts when its event is whole", p.LastEventID(), p.Retry())
	}
	p.Reset()
	if got := parse(t, &p, "data: x\n\n"); p.LastEventID() != "5" || len(got) != 1 || got[0].ID != "5" {
		t.Errorf("after Reset: %v", got)
	}
}

func TestX01ParserLimits(t *testing.T) {
	for name, text := range map[string]string{
		"a line":   strings.Repeat("x", 200),
		"an event": strings.Repeat("data: 12345678\n", 20),
	} {
		p := sse.Parser{MaxBytes: 100}
		if err := p.Parse([]byte(text), func(sse.Event) {}); !errors.Is(err, sse.ErrTooLarge) {
			t.Errorf("%s: got %v, want ErrTooLarge", name, err)
		}
	}
	p := sse.Parser{MaxBytes: 100}
	if err := p.Parse([]byte(strings.Repeat("data: 12345678\n\n", 50)), func(sse.Event) {}); err != nil {
		t.Errorf("control: %v", err)
	}
}

// What a stream says does not depend on how its bytes were cut.
func FuzzCuts(f *testing.F) {
	f.Add([]byte("id: 1\r\ndata: a\rdata: b\n\n: c\r\n\r\nretry: 5\n\n"), uint8(3))
	f.Add([]byte("\xef\xbb\xbfdata\n\n"), uint8(1))
	f.Fuzz(func(t *testing.T, text []byte, cut uint8) {
		var whole, pieces []sse.Event
		var a, b sse.Parser
		errA := a.Parse(text, func(e sse.Event) { whole = append(whole, e) })
		var errB error
		for rest := text; len(rest) > 0 && errB == nil; {
			n := min(len(rest), int(cut)+1)
			errB = b.Parse(rest[:n], func(e sse.Event) { pieces = append(pieces, e) })
			rest = rest[n:]
		}
		if !reflect.DeepEqual(whole, pieces) || errA != errB || a.LastEventID() != b.LastEventID() {
			t.Errorf("%q cut at %d: %v, want %v", text, cut, pieces, whole)
		}
	})
}

// What is sent is heard.
func FuzzRoundTrip(f *testing.F) {
	f.Add("1", "news", "a\nb", int64(5))
	f.Add("", "", "\r\n\r\n", int64(0))
	f.Fuzz(func(t *testing.T, id, kind, data string, retry int64) {
		e := sse.Event{ID: id, Type: kind, Data: data, Retry: time.Duration(retry%1e6) * time.Millisecond}
		text, err := e.Append(nil)
		if err != nil || e.Data == "" {
			return
		}
		var p sse.Parser
		got := parse(t, &p, string(text))
		want := e
		want.Retry = max(want.Retry, 0)
		want.Type = strings.ToValidUTF8(want.Type, "\uFFFD")
		want.Data = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(want.Data, "\uFFFD"))
		if len(got) != 1 || got[0].Data != want.Data || got[0].ID != want.ID || got[0].Type != want.Type || got[0].Retry != want.Retry {
			t.Errorf("%+v: got %+v", want, got)
		}
	})
}
