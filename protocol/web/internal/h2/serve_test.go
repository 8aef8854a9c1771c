package h2

import (
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

func TestServesARequest(t *testing.T) {
	r := newRig(t, Server, Config{Connect: true})
	r.wants("a server begins", "SETTINGS", "WINDOW_UPDATE 0 983041")
	r.in.WriteString(Preface)
	r.fr.WriteSettings()
	r.headers(1, true, r.get("accept", "*/*"))
	r.feed()
	r.heardAll("a request", "1 GET http://a.test/ accept=*/* true")
	r.wants("an answer", "SETTINGS ack", "HEADERS 1 :status=200 content-length=5", "DATA 1 hello end")
	if n := r.c.Streams(); n != 0 {
		t.Errorf("%d streams are left, want none", n)
	}
}

func TestServesABody(t *testing.T) {
	r := serving(t, Config{})
	r.serve = func(s *Stream, h *Head, end bool) {}
	r.headers(1, false, r.post("content-length", "6"))
	r.fr.WriteData(1, false, []byte("abc"))
	r.fr.WriteDataPadded(1, false, []byte("def"), make([]byte, 10))
	r.headers(1, true, r.encode("x-sum", "7"))
	r.feed()
	r.heardAll("a body", "1 POST http://a.test/ content-length=6 false", "1 data abc false", "1 data def false", "1 trailer x-sum=7")
	r.hello(r.streams[0])
	r.wants("an answer", "HEADERS 1 :status=200 content-length=5", "DATA 1 hello end")
}

func TestAnswerIsCutToTheWindows(t *testing.T) {
	r := serving(t, Config{})
	r.serve = func(s *Stream, h *Head, end bool) {
		r.c.Answer(s, Answer{Status: 200, Length: -1})
		if err := r.c.SendData(s, []byte(strings.Repeat("x", 40_000)), true); err != nil {
			t.Error(err)
		}
		r.release(s)
	}
	r.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100})
	r.headers(1, true, r.get())
	r.feed()
	r.wants("the first window", "SETTINGS ack", "HEADERS 1 :status=200", "DATA 1 100 bytes")
	r.fr.WriteWindowUpdate(1, 20_000)
	r.feed()
	r.wants("a larger one", "DATA 1 16384 bytes", "DATA 1 3616 bytes")
	r.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 30_000})
	r.feed()
	r.wants("the rest", "SETTINGS ack", "DATA 1 12768 bytes", "DATA 1 7132 bytes end")
	if n := r.c.Streams(); n != 0 {
		t.Errorf("%d streams are left, want none", n)
	}
}

func TestAsks(t *testing.T) {
	r := newRig(t, Client, Config{})
	s, err := r.c.Open(Question{Method: "GET", Scheme: "https", Authority: "a.test", Path: "/x", Length: -1, End: true}, "me")
	if err != nil || s.Owner != "me" {
		t.Fatal(s, err)
	}
	r.wants("a client begins", "SETTINGS", "WINDOW_UPDATE 0 983041",
		"HEADERS 1 :method=GET :scheme=https :path=/x :authority=a.test end")
	r.fr.WriteSettings()
	r.headers(1, false, r.encode(":status", "103", "link", "</a>"))
	r.headers(1, false, r.encode(":status", "200", "content-length", "5"))
	r.fr.WriteData(1, true, []byte("hello"))
	r.feed()
	r.heardAll("an answer", "1 status 103 link=</a> false", "1 status 200 content-length=5 false", "1 data hello true")
	r.release(s)
	if n := r.c.Streams(); n != 0 {
		t.Errorf("%d streams are left, want none", n)
	}
}
