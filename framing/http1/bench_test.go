package http1_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/twistor-go/twistor/framing/http1"
)

const plainGet = "GET /index.html?a=1 HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\nAccept-Encoding: gzip, zstd\r\n\r\n"

func BenchmarkRequest(b *testing.B) {
	p := []byte(plainGet)
	var s http1.Parser
	var r http1.Request
	b.ReportAllocs()
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		if _, done, err := s.Request(p, &r); !done || err != nil {
			b.Fatal(done, err)
		}
	}
}

// The head of a browser: 15 fields, 700 bytes.
func BenchmarkRequestOfBrowser(b *testing.B) {
	p := []byte("GET /wiki/Main_Page HTTP/1.1\r\nHost: en.example.org\r\nConnection: keep-alive\r\n" +
		"sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: \"Linux\"\r\n" +
		"Upgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
		"Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n\r\n")
	var s http1.Parser
	var r http1.Request
	b.ReportAllocs()
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		if _, done, err := s.Request(p, &r); !done || err != nil {
			b.Fatal(done, err)
		}
	}
}

// The head of an answer, as a client reads it.
func BenchmarkResponse(b *testing.B) {
	p := []byte("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 1234\r\n\r\n")
	var s http1.Parser
	var r http1.Response
	b.ReportAllocs()
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		if _, done, err := s.Response(p, "GET", &r); !done || err != nil {
			b.Fatal(done, err)
		}
	}
}

// A head that the network cut in two costs memory: this is how much.
func BenchmarkRequestInTwo(b *testing.B) {
	p := []byte(plainGet)
	var s http1.Parser
	var r http1.Request
	b.ReportAllocs()
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		s.Request(p[:60], &r)
		if _, done, err := s.Request(p[60:], &r); !done || err != nil {
			b.Fatal(done, err)
		}
	}
}

// The worst that a peer can do to a head: byte by byte.
func BenchmarkRequestByteByByte(b *testing.B) {
	p := []byte(plainGet)
	var s http1.Parser
	var r http1.Request
	b.ReportAllocs()
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		for i := range p {
			if _, _, err := s.Request(p[i:i+1], &r); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// Chunks of 16 KiB, and the smallest there are.
func BenchmarkChunks(b *testing.B) {
	for _, size := range []int{16 << 10, 1} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			var p []byte
			for range max(1, 65536/size) {
				p = append(append(http1.AppendChunkHead(p, size), make([]byte, size)...), "\r\n"...)
			}
			p = append(p, http1.LastChunk...)
			var body http1.BodyReader
			b.ReportAllocs()
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				body.Start(http1.Chunked, -1, nil)
				for rest := p; len(rest) > 0; {
					_, n, _, err := body.Next(rest)
					if err != nil {
						b.Fatal(err)
					}
					rest = rest[n:]
				}
			}
		})
	}
}

func BenchmarkHeaderValue(b *testing.B) {
	var s http1.Parser
	var r http1.Request
	s.Request([]byte(plainGet), &r)
	b.ReportAllocs()
	for b.Loop() {
		if r.Header.Value("Accept-Encoding") == nil {
			b.Fatal("want a value")
		}
	}
}

func BenchmarkAppendDate(b *testing.B) {
	t := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	p := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		p = http1.AppendDate(p[:0], t)
	}
}
