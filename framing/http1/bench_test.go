package http1_test

import (
	"testing"

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
