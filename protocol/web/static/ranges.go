package static

import (
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/protocol/web"
)

// maxRanges is how many ranges of a file one request gets; if it asks for more
// it gets the whole file (CVE-2011-3192).
const maxRanges = 16

// A span is a range of a file: n > 0 bytes from off on.
type span struct{ off, n int64 }

// field is the value of Content-Range.
func (s span) field(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", s.off, s.off+s.n-1, size)
}

// readRanges reads a Range field for a file of size > 0 bytes. ok is false if it
// is to be ignored: it is no list of byte ranges, or asks for more than maxRanges, or for
// some bytes twice. No spans, and ok: none of them is in the file.
// https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
func readRanges(field string, size int64) (spans []span, ok bool) {
	unit, list, _ := strings.Cut(field, "=")
	if !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return nil, false
	}
	seen := 0
	for part := range strings.SplitSeq(list, ",") {
		part = strings.Trim(part, " \t")
		if part == "" {
			continue
		}
		if seen++; seen > maxRanges {
			return nil, false
		}
		s, ok := readRange(part, size)
		if !ok {
			return nil, false
		}
		if s.n > 0 {
			spans = append(spans, s)
		}
	}
	for i, s := range spans {
		for _, o := range spans[:i] {
			if s.off < o.off+o.n && o.off < s.off+s.n {
				return nil, false
			}
		}
	}
	return spans, seen > 0
}

// readRange reads "0-499", "500-" or "-500"; n is 0 if it is not in the file.
func readRange(part string, size int64) (s span, ok bool) {
	first, last, dash := strings.Cut(part, "-")
	if !dash {
		return span{}, false
	}
	if first == "" {
		n, ok := position(last)
		n = min(n, size)
		return span{size - n, n}, ok
	}
	from, ok := position(first)
	if !ok {
		return span{}, false
	}
	to := int64(math.MaxInt64)
	if last != "" {
		if to, ok = position(last); !ok || to < from {
			return span{}, false
		}
	}
	if from >= size {
		return span{}, true
	}
	return span{from, min(to, size-1) - from + 1}, true
}

// position reads digits and nothing else. One that is too large is the largest
// that there is, which no file reaches.
func position(digits string) (n int64, ok bool) {
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		n = math.MaxInt64
	}
	return n, digits != ""
}

// fresh says whether a range is wanted of this very file: If-Range.
// https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
func fresh(h *web.Header, c *content, now time.Time) bool {
	v := h.Value("If-Range")
	if v == nil {
		return true
	}
	if len(v) > 0 && (v[0] == '"' || v[0] == 'W') {
		return string(v) == c.etag // a weak one never is: ours are strong
	}
	// "... exactly matches the Last-Modified date", and that is a strong
	// validator: the second in which the file was written is over.
	t, err := http1.ParseDate(string(v), now)
	return err == nil && t.Unix() == c.modified.Unix() && t.Unix()+1 < now.Unix()
}

// ranges answers a request for parts of c. Not ok: it is to be answered with the
// whole.
func (f *Files) ranges(w *web.ResponseWriter, r *web.Request, c *content) (_ *deferred.Signal, ok bool) {
	spans, ok := readRanges(r.Header.Get("Range"), c.size)
	if !ok {
		return nil, false
	}
	switch len(spans) {
	case 0:
		w.Header().Del("Content-Encoding")
		w.SetHeader("Content-Range", "bytes */"+strconv.FormatInt(c.size, 10))
		web.Refuse(w, r, 416, "")
		return nil, true
	case 1:
		w.SetHeader("Content-Range", spans[0].field(c.size))
		w.WriteHeader(206)
		return send(w, c, spans[0].off, spans[0].n), true
	}
	return parts(w, r, c, spans), true
}

// parts answers with a body of several parts.
// https://www.rfc-editor.org/rfc/rfc9110#section-14.6
func parts(w *web.ResponseWriter, r *web.Request, c *content, spans []span) *deferred.Signal {
	var random [12]byte
	if _, err := io.ReadFull(r.Loop().Rand(), random[:]); err != nil {
		return deferred.Failed[struct{}](r.Loop(), err)
	}
	boundary := hex.EncodeToString(random[:])
	end := "\r\n--" + boundary + "--\r\n"
	heads := make([]string, len(spans))
	length := int64(len(end))
	for i, s := range spans {
		heads[i] = "\r\n--" + boundary + "\r\nContent-Type: " + c.ctype + "\r\nContent-Range: " + s.field(c.size) + "\r\n\r\n"
		length += int64(len(heads[i])) + s.n
	}
	w.SetHeader("Content-Type", "multipart/byteranges; boundary="+boundary)
	w.SetHeader("Content-Length", strconv.FormatInt(length, 10))
	w.WriteHeader(206)
	c.hold()
	done := deferred.Inline(r.Loop(), func(co *deferred.Co) (struct{}, error) {
		for i, s := range spans {
			if _, err := w.WriteString(heads[i]); err != nil {
				return struct{}{}, err
			}
			if _, err := sendPart(w, c, s.off, s.n).Await(co); err != nil {
				return struct{}{}, err
			}
		}
		_, err := w.WriteString(end)
		return struct{}{}, err
	})
	return done.Always(c.release)
}
