package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"strings"

	"github.com/twistor-go/twistor/deferred"
)

// JSONRules are what ReadJSON takes. The zero is strict.
type JSONRules struct {
	// MaxBytes is how long the body may be. 0: 1 MiB; negative: as long as Body.Limit allows.
	MaxBytes int64
	// MaxDepth is how deep arrays and objects may lie in each other. 0 or less: 64.
	MaxDepth int
	// Unknown lets members pass that T has no field for.
	Unknown bool
	// AnyType takes a body whatever its Content-Type; else it must be application/json, or end in
	// "+json".
	AnyType bool
}

// ReadJSON reads the body of r as one JSON value of type T. What is none fails
// with an *Error of 400, whose Public says where; a body of another type with
// one of 415, a long one with 413.
//
//	order, err := web.ReadJSON[Order](r, web.JSONRules{}).Await(co)
func ReadJSON[T any](r *Request, rules JSONRules) *deferred.Deferred[T] {
	if !rules.AnyType {
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if kind != "application/json" && !(strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")) {
			return deferred.Failed[T](r.Loop(), &Error{Status: 415, Public: "want application/json"})
		}
	}
	limit := rules.MaxBytes
	if limit == 0 {
		limit = 1 << 20
	}
	return deferred.Then(r.Body.Bytes(limit), func(body []byte) (v T, err error) {
		err = rules.decode(body, &v)
		return v, err
	})
}

func (rules *JSONRules) decode(body []byte, v any) error {
	depth := rules.MaxDepth
	if depth <= 0 {
		depth = 64
	}
	if deeper(body, depth) {
		return &Error{Status: 400, Public: fmt.Sprintf("JSON lies more than %d deep", depth)}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if !rules.Unknown {
		d.DisallowUnknownFields()
	}
	err := d.Decode(v)
	if err == nil {
		if d.More() || len(bytes.TrimLeft(body[d.InputOffset():], " \t\r\n")) > 0 {
			return &Error{Status: 400, Public: fmt.Sprintf("JSON goes on after its end at byte %d", d.InputOffset())}
		}
		return nil
	}
	return &Error{Status: 400, Public: jsonTrouble(err), Err: err}
}

// jsonTrouble is what a client may know of err: nothing about our types.
func jsonTrouble(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("JSON is broken at byte %d", syntax.Offset)
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Sprintf("JSON has a %s in %s", kind.Value, kind.Field)
	case errors.As(err, &kind):
		return fmt.Sprintf("JSON has a %s at byte %d", kind.Value, kind.Offset)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return "JSON has an unknown member " + strings.TrimPrefix(err.Error(), "json: unknown field ")
	}
	return "JSON is broken"
}

// deeper reports whether arrays and objects lie more than depth deep in body.
func deeper(body []byte, depth int) bool {
	now, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if now++; now > depth {
				return true
			}
		case c == '}' || c == ']':
			now--
		}
	}
	return false
}

// WriteJSON answers status with v as JSON. If v cannot be that, nothing is written
// and the error says why: as the result of an Inline it becomes an error page. A
// connection queues 1 MiB at most: what may be longer is written in pieces, with Ready.
func WriteJSON(w *ResponseWriter, status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("web: %w", err)
	}
	w.SetHeader("Content-Type", "application/json")
	w.SetHeader("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if _, err := w.Write(text); err != nil {
		return err
	}
	_, err = w.WriteString("\n")
	return err
}
