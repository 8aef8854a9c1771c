package h2

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"github.com/twistor-go/twistor/framing/http1"
)

// A reader of blocks is the peer's decoder, which must understand the encoder,
// whatever was said before.
type blockReader struct {
	t   testing.TB
	e   encoder
	dec *hpack.Decoder
}

func newBlockReader(t testing.TB) *blockReader {
	return &blockReader{t: t, e: encoder{max: maxTable}, dec: hpack.NewDecoder(maxTable, nil)}
}

// sends encodes h and compares what the peer reads. It returns the length.
func (b *blockReader) sends(h *http1.Header) int {
	b.t.Helper()
	block := b.e.fields(b.e.begin(nil), h, omitted{})
	fields, err := b.dec.DecodeFull(block)
	if err != nil {
		b.t.Fatalf("hpack cannot read %q: %v", block, err)
	}
	var got, want []string
	for _, f := range fields {
		got = append(got, f.Name+": "+f.Value)
	}
	for name, value := range h.All() {
		if !ofConnection([]byte(name)) {
			want = append(want, strings.ToLower(name)+": "+value)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		b.t.Fatalf("the peer reads %q, want %q", got, want)
	}
	return len(block)
}

func headerOf(fields ...string) *http1.Header {
	h := new(http1.Header)
	for i := 0; i < len(fields); i += 2 {
		if err := h.Add(fields[i], fields[i+1]); err != nil {
			panic(err)
		}
	}
	return h
}

func TestEncoderIndexes(t *testing.T) {
	b := newBlockReader(t)
	h := headerOf("Content-Type", "text/html; charset=utf-8", "Server", "twistor", "X-Frame-Options", "DENY", "Vary", "Accept")
	first, again := b.sends(h), b.sends(h)
	if again != 4 {
		t.Errorf("4 fields cost %d bytes, then %d; want 4", first, again)
	}
	b.sends(headerOf("Connection", "close", "Keep-Alive", "1", "Upgrade", "h2c", "Transfer-Encoding", "chunked", "Proxy-Connection", "x", "X", "y"))
}

// Secrets are never put into a table, neither ours nor one on the way.
func TestEncoderKeepsSecrets(t *testing.T) {
	b := newBlockReader(t)
	for _, name := range []string{"Set-Cookie", "Cookie", "Authorization", "Proxy-Authorization"} {
		h := headerOf(name, "secret")
		b.sends(h)
		b.dec.SetEmitFunc(nil)
		var got hpack.HeaderField
		b.dec.SetEmitFunc(func(f hpack.HeaderField) { got = f })
		b.dec.Write(b.e.fields(nil, h, omitted{}))
		b.dec.Close()
		if !got.Sensitive || b.e.count != 0 {
			t.Errorf("%s: sensitive %v, %d rows in the table; want true and 0", name, got.Sensitive, b.e.count)
		}
	}
}

// The table keeps step with the peer's through evictions and resizing.
func TestEncoderTable(t *testing.T) {
	b := newBlockReader(t)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 3_000 {
		h := new(http1.Header)
		for range random.IntN(6) {
			name := []string{"X-A", "Server", "Date", "content-type", "x-" + strings.Repeat("y", random.IntN(20)), "Location", "set-cookie"}[random.IntN(7)]
			h.Add(name, strings.Repeat(string(rune('a'+random.IntN(26))), random.IntN(300)))
		}
		if i%100 == 99 {
			size := []int{0, 31, 33, 100, 1000, 4096, 1 << 20}[random.IntN(7)]
			b.e.resize(size)
			b.e.resize([]int{0, 64, size}[random.IntN(3)])
			b.dec.SetAllowedMaxDynamicTableSize(maxTable)
		}
		b.sends(h)
		if b.e.size > b.e.max || len(b.e.entries) > 128 {
			t.Fatalf("the table has %d bytes of %d, %d rows", b.e.size, b.e.max, len(b.e.entries))
		}
	}
}

// FuzzHpack: what the encoder writes a decoder of other authors reads, and the
// other way round, over many blocks of one connection.
func FuzzHpack(f *testing.F) {
	f.Add([]byte("Content-Type\x00text/plain\x00X-A\x00b\x01X-A\x00b\x01\xffServer\x00x"))
	f.Add([]byte("a\x00b\x00a\x00b\x00\x01:path\x00/\x00cookie\x00a\x00cookie\x00b\x01"))
	f.Fuzz(func(t *testing.T, p []byte) {
		b := newBlockReader(t)
		var block strings.Builder
		enc := hpack.NewEncoder(&block)
		r := newRig(t, Server, Config{MaxHeaderBytes: 1 << 20, MaxFields: 1 << 20})
		for _, part := range strings.Split(string(p), "\x01") {
			h := new(http1.Header)
			words := strings.Split(part, "\x00")
			block.Reset()
			for i := 0; i+1 < len(words); i += 2 {
				h.Add(words[i], words[i+1])
				enc.WriteField(hpack.HeaderField{Name: words[i], Value: words[i+1]})
			}
			if len(part) > 0 && part[0] == 0xff {
				b.e.resize(len(part))
			}
			b.sends(h)
			got, err := r.c.decode([]byte(block.String()), true)
			if err != nil {
				t.Fatalf("decode of %q: %v", block.String(), err)
			}
			if got.malformed != "" {
				continue
			}
			for name := range got.head.Header.All() {
				if strings.ToLower(name) != name || strings.HasPrefix(name, ":") {
					t.Fatalf("the name %q passed", name)
				}
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	e := encoder{max: maxTable}
	h := headerOf("Content-Type", "text/plain; charset=utf-8", "Server", "twistor", "Cache-Control", "no-store")
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = e.fields(e.status(dst[:0], 200), h, omitted{})
	}
}
