package compress

import (
	"bytes"
	"strings"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/internal/accept"
)

const (
	// DefaultMinBytes is how long a body must be to be worth it.
	DefaultMinBytes = 1 << 10
	// DefaultMaxActive is how many answers are compressed at a time; others go
	// as they are.
	DefaultMaxActive = 32
	// DefaultGzipLevel is between speed and size.
	DefaultGzipLevel = 5
)

// Answers compresses what Handlers answer. Its zero is ready. One is for the
// Handlers of one loop. Loop-only.
type Answers struct {
	// Types are the content types that are worth it: whole ("text/css"), by
	// their beginning ("text/*"), or by their end ("*+json"). Nil: text and
	// what is like it, but for text/event-stream.
	Types []string
	// MinBytes is how long a body must be, if its length is known. 0: 1,024;
	// negative: any.
	MinBytes int
	// MaxActive is how many answers are compressed at a time. 0: 32.
	MaxActive int
	// GzipLevel is from 1, which is fast, to 9, which is small. 0: 5.
	GzipLevel int

	// Owned by the loop.

	active int
	idle   [len(codings)][]encoder
}

// codings are ours, the one we would rather send first.
var codings = [...]string{"zstd", "gzip"}

// Wrap returns a Handler that answers as next does, and shorter.
func (a *Answers) Wrap(next web.Handler) web.Handler {
	return web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		w.Use(a.Filter(w, r))
		return next.Serve(w, r)
	})
}

// Filter is for one answer, which may be compressed if r's client would rather
// have it: what Wrap uses.
func (a *Answers) Filter(w *web.ResponseWriter, r *web.Request) web.Filter {
	wish := accept.Encodings(&r.Header)
	return &filter{a: a, w: w, coding: wish.Best(codings[:]...)}
}

func (a *Answers) minBytes() int64 {
	if a.MinBytes == 0 {
		return DefaultMinBytes
	}
	return int64(a.MinBytes)
}

func (a *Answers) maxActive() int {
	if a.MaxActive <= 0 {
		return DefaultMaxActive
	}
	return a.MaxActive
}

// defaultTypes are what is text, by whatever name, and not compressed yet.
var defaultTypes = []string{
	"text/*", "*+json", "*+xml", "application/json", "application/javascript", "application/xml", "application/wasm", "application/manifest+json", "application/x-ndjson",
	"application/toml", "application/yaml", "application/rtf", "image/bmp", "image/vnd.microsoft.icon", "font/ttf", "font/otf",
}

// worth says whether a body of that content type is to be compressed.
func (a *Answers) worth(ctype []byte) bool {
	ctype, _, _ = bytes.Cut(ctype, []byte(";"))
	t := strings.ToLower(string(bytes.TrimSpace(ctype)))
	types := a.Types
	if types == nil {
		if t == "text/event-stream" {
			// A stream holds its encoder for as long as the client listens.
			return false
		}
		types = defaultTypes
	}
	for _, pattern := range types {
		if begin, ok := strings.CutSuffix(pattern, "*"); ok && strings.HasPrefix(t, begin) {
			return true
		}
		if end, ok := strings.CutPrefix(pattern, "*"); ok && strings.HasSuffix(t, end) {
			return true
		}
		if t == pattern {
			return true
		}
	}
	return false
}
