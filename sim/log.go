package sim

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"
)

// maxLogBytes bounds what a book keeps; what comes after is dropped, except
// that errors still count.
const maxLogBytes = 1 << 20

// maxErrors bounds how many errors a book keeps: one fails the test as well.
const maxErrors = 1000

// A book keeps what was logged and reported, so that a test can look at it,
// and so that errors nobody looked at fail the test.
type book struct {
	now    func() time.Time
	text   bytes.Buffer
	errors []error
}

// logger is a Logger that writes into the book, in virtual time.
func (b *book) logger() *slog.Logger {
	text := slog.NewTextHandler(writer{b}, &slog.HandlerOptions{Level: slog.LevelDebug})
	return slog.New(&scribe{text, b})
}

// report adds an error that a test must take, or fail.
func (b *book) report(err error) {
	if len(b.errors) < maxErrors {
		b.errors = append(b.errors, err)
	}
}

// take returns the errors and forgets them.
func (b *book) take() []error {
	errs := b.errors
	b.errors = nil
	return errs
}

// writer is the bounded text of a book.
type writer struct{ *book }

func (w writer) Write(p []byte) (int, error) {
	if w.text.Len()+len(p) <= maxLogBytes {
		w.text.Write(p)
	}
	return len(p), nil
}

// A scribe gives records the virtual time, and remembers those of errors.
type scribe struct {
	slog.Handler
	book *book
}

func (s *scribe) Handle(ctx context.Context, r slog.Record) error {
	r.Time = s.book.now()
	if r.Level >= slog.LevelError {
		var line strings.Builder
		line.WriteString("logged: " + r.Message)
		r.Attrs(func(a slog.Attr) bool {
			line.WriteString(" " + a.Key + "=" + a.Value.Resolve().String())
			return true
		})
		s.book.report(errors.New(line.String()))
	}
	return s.Handler.Handle(ctx, r)
}

func (s *scribe) WithAttrs(a []slog.Attr) slog.Handler {
	return &scribe{s.Handler.WithAttrs(a), s.book}
}

func (s *scribe) WithGroup(name string) slog.Handler {
	return &scribe{s.Handler.WithGroup(name), s.book}
}
