package h2

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// conversation is a seed: frames of many kinds, right ones and wrong ones.
func conversation(write func(r *rig)) []byte {
	r := &rig{}
	r.fr = http2.NewFramer(&r.in, nil)
	r.fr.AllowIllegalWrites = true
	r.t = nil
	r.setEncoder()
	write(r)
	return r.in.Bytes()
}

// answering is an owner that does a little of everything, as the numbers of
// streams say.
func (r *rig) answering() {
	r.serve = func(s *Stream, h *Head, end bool) {
		if s.ID() == 0 || h.Status > 0 && h.Status < 200 {
			return
		}
		switch s.ID() % 14 {
		case 1:
			r.hello(s)
		case 3:
			r.c.Answer(s, Answer{Status: 200, Length: -1, Body: bytes.Repeat([]byte("x"), 70_000)})
			r.c.SendTrailer(s, headerOf("x-sum", "1"))
			r.release(s)
		case 5:
			r.c.Inform(s, 103, nil)
			r.c.Answer(s, Answer{Status: 404, Length: -1})
			r.c.SendShared(s, bytes.Repeat([]byte("y"), 9_000), false)
		case 7:
			r.c.Reset(s, Cancel)
			r.release(s)
		case 9:
			r.release(s)
		}
	}
	r.heard = func(s *Stream, p []byte, end bool) {
		if end && slices.Contains(r.streams, s) {
			r.hello(s)
		}
	}
}

// FuzzFrames, H2-07: frames in any order, on any stream, in both roles: never
// a panic; the same events and the same answers however the bytes were cut; no
// buffer beyond its limit; and all that was held is given back at the end.
func FuzzFrames(f *testing.F) {
	f.Add(conversation(func(r *rig) {
		r.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100})
		r.headers(1, true, r.get())
		r.headers(3, true, r.get("x", "y"))
		r.headers(5, false, r.post())
		r.fr.WriteData(5, false, []byte("abc"))
		r.fr.WriteWindowUpdate(3, 1000)
		r.fr.WriteWindowUpdate(0, 1000)
		r.fr.WriteDataPadded(5, true, []byte("abc"), make([]byte, 5))
		r.fr.WriteRSTStream(3, http2.ErrCodeCancel)
		r.fr.WritePing(false, [8]byte{})
		r.fr.WriteGoAway(0, http2.ErrCodeNo, nil)
	}), uint64(1), false)
	f.Add(conversation(func(r *rig) {
		r.fr.WriteSettings()
		block := r.get("x", "y")
		r.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:5], PadLength: 3, Priority: http2.PriorityParam{StreamDep: 9, Weight: 4}})
		r.fr.WriteContinuation(1, true, block[5:])
		r.headers(1, true, r.encode("trailer", "x"))
		r.fr.WritePriority(7, http2.PriorityParam{})
		r.headers(7, false, r.post("content-length", "3"))
		r.headers(9, false, r.post())
		r.fr.WriteWindowUpdate(9, 0)
		r.fr.WriteData(7, true, []byte("abcd"))
		r.fr.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2})
	}), uint64(2), false)
	f.Add(conversation(func(r *rig) {
		r.fr.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 2})
		r.headers(1, false, r.encode(":status", "103"))
		r.headers(1, false, r.encode(":status", "200"))
		r.fr.WriteData(1, false, []byte("abc"))
		r.headers(1, true, r.encode("trailer", "x"))
		r.fr.WriteRSTStream(3, http2.ErrCodeRefusedStream)
		r.fr.WriteGoAway(1, http2.ErrCodeNo, []byte("bye"))
	}), uint64(3), true)
	f.Fuzz(func(t *testing.T, p []byte, seed uint64, client bool) {
		if len(p) > 1<<18 {
			return
		}
		play := func(cut func() int) *rig {
			role := Server
			if client {
				role = Client
			}
			r := newRig(t, role, Config{MaxStreams: 20})
			r.answering()
			if client {
				for range 3 {
					if s, err := r.c.Open(Question{Method: "POST", Scheme: "http", Authority: "a", Path: "/", Length: -1, Body: []byte("abc")}, nil); err == nil {
						r.streams = append(r.streams, s)
					}
				}
			} else {
				r.c.Receive([]byte(Preface))
			}
			for rest := p; len(rest) > 0 && !r.over; {
				n := min(max(1, cut()), len(rest))
				r.c.Receive(rest[:n])
				rest = rest[n:]
				if r.c.queued > 2<<20 || r.c.heldBytes > 1<<20 || len(r.c.streams) > 20 && !client || cap(r.c.partial) > 2*blockBytes {
					t.Fatalf("beyond a limit: %d queued, %d held, %d streams, %d partial", r.c.queued, r.c.heldBytes, len(r.c.streams), cap(r.c.partial))
				}
			}
			return r
		}
		whole := play(func() int { return len(p) })
		random := rand.New(rand.NewPCG(seed, 0))
		cut := play(func() int { return random.IntN(40) })
		if !slices.Equal(whole.events, cut.events) || !bytes.Equal(whole.out.Bytes(), cut.out.Bytes()) {
			t.Fatalf("cutting changes it: events\n%q\n%q\nanswers\n%q\n%q", whole.events, cut.events, whole.out.Bytes(), cut.out.Bytes())
		}
		whole.said() // the standard's Framer must read all that we said
		for len(whole.streams) > 0 {
			whole.release(whole.streams[0])
		}
		if whole.c.queued > 0 && len(whole.c.streams) == 0 {
			t.Fatalf("%d bytes are queued on no stream", whole.c.queued)
		}
		whole.clock.Advance(3 * time.Minute)
		whole.c.Disconnected()
		if !whole.over || whole.c.queued != 0 {
			t.Fatalf("after the end: over %v, %d bytes are queued", whole.over, whole.c.queued)
		}
	})
}

// FuzzFrame: what a frame is, the standard's Framer says too, for frames that
// are legal by themselves.
func FuzzFrame(f *testing.F) {
	f.Add(uint8(0), uint8(8), uint32(1), []byte("\x02abc\x00\x00"))
	f.Add(uint8(1), uint8(0x2c), uint32(1), []byte("\x01\x00\x00\x00\x03\x10abc\x00"))
	f.Add(uint8(0), uint8(8), uint32(1), []byte("\x05abc"))
	f.Fuzz(func(t *testing.T, kind, flags uint8, stream uint32, payload []byte) {
		if len(payload) > maxFrame || stream == 0 || kind > 1 {
			return
		}
		p := append(appendFrameHead(nil, len(payload), frameType(kind), flags, stream), payload...)
		ours := parseFrame(p)
		err := ours.unpad()
		if err == nil && ours.kind == frameHeaders {
			_, err = ours.unprioritize()
		}
		fr := http2.NewFramer(nil, bytes.NewReader(p))
		theirs, refused := fr.ReadFrame()
		if stream&maxStreamID == 0 {
			return
		}
		if (err != nil) != (refused != nil) {
			t.Fatalf("%q: ours %v, the Framer's %v", p, err, refused)
		}
		if err != nil {
			return
		}
		var want []byte
		switch f := theirs.(type) {
		case *http2.DataFrame:
			want = f.Data()
		case *http2.HeadersFrame:
			want = f.HeaderBlockFragment()
		}
		if !bytes.Equal(ours.payload, want) {
			t.Fatalf("%q: got %q, the Framer has %q", p, ours.payload, want)
		}
	})
}
