package compress

import (
	"github.com/twistor-go/twistor/protocol/web"
)

// A filter compresses one answer.
type filter struct {
	a      *Answers
	w      *web.ResponseWriter
	coding int // of codings; -1: none that the client would rather have
	e      encoder
}

// Begin implements web.Filter.
func (f *filter) Begin(status int, h *web.Header, length int64) bool {
	if status == 206 || h.Has("Content-Encoding") || h.Has("Content-Range") || h.HasToken("Cache-Control", "no-transform") {
		return false
	}
	ctype := h.Value("Content-Type")
	if ctype == nil {
		h.Set("Content-Type", "text/plain; charset=utf-8") // as without us
		ctype = h.Value("Content-Type")
	}
	if !f.a.worth(ctype) || length >= 0 && length < f.a.minBytes() {
		return false
	}
	// Caches must know that others get other bytes, whatever this one gets.
	// https://www.rfc-editor.org/rfc/rfc9110#section-12.5.5
	if !h.HasToken("Vary", "Accept-Encoding") && !h.HasToken("Vary", "*") {
		h.Add("Vary", "Accept-Encoding")
	}
	if f.coding < 0 || f.a.active >= f.a.maxActive() {
		return false
	}
	f.a.active++
	f.w.After(func(int, int64, error) {
		f.a.active--
		f.giveBack()
	})
	h.Set("Content-Encoding", codings[f.coding])
	h.Del("Content-Length")
	h.Del("Accept-Ranges")
	if tag := h.Get("ETag"); tag != "" && tag[0] == '"' {
		// "A strong validator is unique across all representations."
		// https://www.rfc-editor.org/rfc/rfc9110#section-8.8.1
		h.Set("ETag", "W/"+tag)
	}
	return true
}

// Append implements web.Filter.
func (f *filter) Append(dst, p []byte, flush, last bool) (_ []byte, err error) {
	if f.e.w == nil {
		if f.e, err = f.a.take(f.coding); err != nil {
			return dst, err
		}
	}
	*f.e.out = dst
	if len(p) > 0 {
		_, err = f.e.w.Write(p)
	}
	switch {
	case err != nil:
	case last:
		err = f.e.w.Close()
	case flush:
		err = f.e.w.Flush()
	}
	dst = *f.e.out
	*f.e.out = nil
	if last {
		f.giveBack()
	}
	return dst, err
}

func (f *filter) giveBack() {
	if f.e.w != nil {
		f.a.give(f.coding, f.e)
		f.e = encoder{}
	}
}
