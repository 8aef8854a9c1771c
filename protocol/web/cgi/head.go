package cgi

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/twistor-go/twistor/protocol/web"
)

// A head reads what a program writes before the body, as it comes.
// https://www.rfc-editor.org/rfc/rfc3875#section-6
type head struct {
	most   int // bytes
	line   []byte
	read   int
	fields []web.Field
	status int
}

// next takes p up to the empty line, and returns what is left of it when that
// has come.
func (h *head) next(p []byte) (rest []byte, done bool, err error) {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		piece := p
		if i >= 0 {
			piece = p[:i+1]
		}
		if h.read += len(piece); h.read > h.most {
			return nil, false, fmt.Errorf("cgi: head is longer than %d bytes", h.most)
		}
		h.line = append(h.line, piece...)
		p = p[len(piece):]
		if i < 0 {
			return nil, false, nil
		}
		line := strings.TrimSuffix(string(h.line[:len(h.line)-1]), "\r")
		h.line = h.line[:0]
		if line == "" {
			return p, true, h.finish()
		}
		if err := h.field(line); err != nil {
			return nil, false, err
		}
	}
	return nil, false, nil
}

// field takes one line.
func (h *head) field(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return fmt.Errorf("cgi: line %.100q in the head: want name: value", line)
	}
	value = strings.Trim(value, " \t")
	switch lower := strings.ToLower(name); {
	case lower == "status":
		code, _, _ := strings.Cut(value, " ")
		n, err := strconv.Atoi(code)
		if err != nil || len(code) != 3 || n < 200 || n > 599 {
			return fmt.Errorf("cgi: Status %.100q: want a number from 200 to 599", value)
		}
		h.status = n
		return nil
	case strings.HasPrefix(lower, "x-cgi-"), lower == "date": // for the server, or by it
		return nil
	case lower == "connection", lower == "keep-alive", lower == "transfer-encoding", lower == "te", lower == "trailer",
		lower == "upgrade", lower == "proxy-connection": // are not a program's to say
		return nil
	}
	h.fields = append(h.fields, web.Field{Name: name, Value: value})
	return nil
}

// finish looks at the whole.
func (h *head) finish() error {
	location, kind := "", false
	for _, f := range h.fields {
		switch strings.ToLower(f.Name) {
		case "location":
			location = f.Value
		case "content-type":
			kind = true
		}
	}
	if h.status == 0 && location == "" && !kind {
		return fmt.Errorf("cgi: head has neither Content-Type nor Location nor Status")
	}
	if h.status == 0 {
		h.status = 200
		if location != "" {
			h.status = 302
		}
	}
	return nil
}

// write makes it the head of the answer.
func (h *head) write(w *web.ResponseWriter) error {
	for _, f := range h.fields {
		if err := w.Header().Add(f.Name, f.Value); err != nil {
			return fmt.Errorf("cgi: %w", err)
		}
	}
	w.WriteHeader(h.status)
	return nil
}
