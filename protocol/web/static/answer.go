package static

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/internal/accept"
)

// answer answers with x. Only one of status 200 has conditions and ranges.
func (f *Files) answer(w *web.ResponseWriter, r *web.Request, x *found, status int) *deferred.Signal {
	if x.redirect {
		redirect(w, r)
		return nil
	}
	c, h := x.file, w.Header()
	coding := ""
	if len(x.variants) > 0 {
		h.Add("Vary", "Accept-Encoding")
		var offers [3]string
		for i, v := range x.variants {
			offers[i] = v.coding
		}
		wish := accept.Encodings(&r.Header)
		if i := wish.Best(offers[:len(x.variants)]...); i >= 0 {
			c, coding = x.variants[i].content, offers[i]
		}
	}
	if f.CacheControl != "" && !h.Has("Cache-Control") {
		w.SetHeader("Cache-Control", f.CacheControl)
	}
	if status == 200 && c.etag != "" && w.NotModified(c.etag, c.modified) {
		return nil
	}
	if coding != "" {
		w.SetHeader("Content-Encoding", coding)
	}
	w.SetHeader("Content-Type", c.ctype)
	w.SetHeader("X-Content-Type-Options", "nosniff")
	if c.policy != "" {
		w.SetHeader("Content-Security-Policy", c.policy)
	}
	if status == 200 && c.etag != "" {
		w.SetHeader("Accept-Ranges", "bytes")
		if r.Method == "GET" && r.Header.Has("Range") && c.size > 0 && fresh(&r.Header, c, r.Loop().Now()) {
			if done, ok := f.ranges(w, r, c); ok {
				return done
			}
		}
	}
	w.WriteHeader(status)
	return send(w, c, 0, c.size)
}

// send sends a part of c that is all of the body.
func send(w *web.ResponseWriter, c *content, off, n int64) *deferred.Signal {
	var digits [20]byte
	w.Header().Set("Content-Length", string(strconv.AppendInt(digits[:0], n, 10)))
	if c.at == nil && n <= maxSmall {
		if err := w.WriteShared(c.all[off : off+n]); err != nil {
			w.Abort()
		}
		return nil
	}
	return sendPart(w, c, off, n)
}

// sendPart queues a part of c.
func sendPart(w *web.ResponseWriter, c *content, off, n int64) *deferred.Signal {
	c.hold()
	sent := w.SendFile(c.section(off, n)).Catch(left)
	sent.Always(c.release)
	return deferred.Then(sent, func(k int64) (struct{}, error) {
		if k != n {
			// The file is shorter than it was: the client must see that.
			return struct{}{}, fmt.Errorf("static: %s is shorter than it was: %w", c.name, io.ErrUnexpectedEOF)
		}
		return struct{}{}, nil
	})
}

// left makes of what ended the connection that the answer has ended, which is the
// client's affair; what a file says is ours.
func left(err error) (int64, error) {
	if _, ok := errors.AsType[*fs.PathError](err); ok || errors.Is(err, web.ErrEnded) {
		return 0, err
	}
	return 0, fmt.Errorf("%w: %w", web.ErrEnded, err)
}

// redirect adds the slash that a directory ends with, so that the links of its page
// mean what is in it. The new place is relative: it can lead to no other host.
func redirect(w *web.ResponseWriter, r *web.Request) {
	target, query, asked := strings.Cut(r.Target(), "?")
	place := "./" + target[strings.LastIndexByte(target, '/')+1:] + "/"
	if asked {
		place += "?" + query
	}
	w.SetHeader("Location", place)
	w.WriteHeader(301)
	w.WriteString("Moved to " + place + "\n")
}
