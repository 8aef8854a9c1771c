package xmlrpc

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// A decoder reads one message as it comes.
type decoder struct {
	rules  *Rules
	in     *watched
	xml    *xml.Decoder
	values int
}

func newDecoder(r io.Reader, rules *Rules) *decoder {
	in := &watched{r: r}
	d := &decoder{rules: rules, in: in, xml: xml.NewDecoder(in)}
	d.xml.CharsetReader = charset
	return d
}

// A watched reader remembers what it said beside io.EOF: that is no fault of the
// message.
type watched struct {
	r   io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

// charset reads the encodings that XML must have, and the one that old programs use.
func charset(label string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "utf-8", "us-ascii", "ascii":
		return in, nil
	case "iso-8859-1", "latin1":
		return &latin1{r: in}, nil
	}
	return nil, fmt.Errorf("encoding %.40q: want utf-8", label)
}

// A latin1 reader makes UTF-8 of ISO 8859-1.
type latin1 struct{ r io.Reader }

func (l *latin1) Read(p []byte) (int, error) {
	if len(p) < 2 {
		return 0, io.ErrShortBuffer
	}
	half := make([]byte, len(p)/2)
	n, err := l.r.Read(half)
	out := p[:0]
	for _, c := range half[:n] {
		out = append(out, string(rune(c))...)
	}
	return len(out), err
}

// fail is an error at this place; or that of the reader.
func (d *decoder) fail(format string, args ...any) error {
	if d.in.err != nil {
		return d.in.err
	}
	return &ProtocolError{Offset: d.xml.InputOffset(), Reason: fmt.Sprintf(format, args...)}
}

// next is the next start, end or piece of text: all else is skipped, and a
// document type refused.
func (d *decoder) next() (xml.Token, error) {
	for {
		t, err := d.xml.Token()
		if err != nil {
			if err == io.EOF {
				return nil, d.fail("the message ends too early")
			}
			return nil, d.fail("%v", err)
		}
		switch t := t.(type) {
		case xml.StartElement, xml.EndElement, xml.CharData:
			return t, nil
		case xml.Directive:
			return nil, d.fail("want no document type")
		}
	}
}

// element is the next start or end; only space may stand before it.
func (d *decoder) element() (xml.Token, error) {
	for {
		t, err := d.next()
		if err != nil {
			return nil, err
		}
		text, ok := t.(xml.CharData)
		if !ok {
			return t, nil
		}
		if len(bytes.TrimLeft(text, " \t\r\n")) > 0 {
			return nil, d.fail("text %.40q: want an element", text)
		}
	}
}

// start wants an element to begin: one of names.
func (d *decoder) start(names ...string) (string, error) {
	t, err := d.element()
	if err != nil {
		return "", err
	}
	if s, ok := t.(xml.StartElement); ok {
		for _, n := range names {
			if s.Name.Local == n {
				return n, nil
			}
		}
		return "", d.fail("<%.40s>: want <%s>", s.Name.Local, strings.Join(names, "> or <"))
	}
	return "", d.fail("want <%s>", strings.Join(names, "> or <"))
}

// end wants the element to end.
func (d *decoder) end() error {
	t, err := d.element()
	if err != nil {
		return err
	}
	if s, ok := t.(xml.StartElement); ok {
		return d.fail("<%.40s>: want the end of what is open", s.Name.Local)
	}
	return nil
}

// more reports whether another element of that name begins, or the one around it
// ends.
func (d *decoder) more(name string) (bool, error) {
	t, err := d.element()
	if err != nil {
		return false, err
	}
	if s, ok := t.(xml.StartElement); ok {
		if s.Name.Local != name {
			return false, d.fail("<%.40s>: want <%s>", s.Name.Local, name)
		}
		return true, nil
	}
	return false, nil
}

// text is the text up to the end of the element.
func (d *decoder) text() (string, error) {
	var b []byte
	for {
		t, err := d.next()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			b = append(b, t...)
		case xml.StartElement:
			return "", d.fail("<%.40s>: want text", t.Name.Local)
		case xml.EndElement:
			return string(b), nil
		}
	}
}

// call reads a call.
func (d *decoder) call() (method string, params []any, err error) {
	if _, err = d.start("methodCall"); err != nil {
		return "", nil, err
	}
	if _, err = d.start("methodName"); err != nil {
		return "", nil, err
	}
	if method, err = d.text(); err != nil {
		return "", nil, err
	}
	if method = strings.Trim(method, " \t\r\n"); !validMethod(method) {
		return "", nil, d.fail("method %.40q: want letters, digits, or any of _ . : /", method)
	}
	some, err := d.more("params")
	if err != nil {
		return "", nil, err
	}
	if some {
		if params, err = d.params(); err != nil {
			return "", nil, err
		}
		if err = d.end(); err != nil {
			return "", nil, err
		}
	}
	return method, params, d.over()
}

// over wants nothing more behind the message.
func (d *decoder) over() error {
	for {
		t, err := d.xml.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return d.fail("%v", err)
		}
		switch t := t.(type) {
		case xml.Comment, xml.ProcInst:
		case xml.CharData:
			if len(bytes.TrimLeft(t, " \t\r\n")) > 0 {
				return d.fail("text %.40q behind the message", t)
			}
		default:
			return d.fail("want nothing behind the message")
		}
	}
}

func (d *decoder) params() (params []any, err error) {
	for {
		some, err := d.more("param")
		if err != nil || !some {
			return params, err
		}
		if _, err = d.start("value"); err != nil {
			return nil, err
		}
		v, err := d.value(0)
		if err != nil {
			return nil, err
		}
		params = append(params, v)
		if err = d.end(); err != nil {
			return nil, err
		}
	}
}

// answer reads an answer; a fault is an error.
func (d *decoder) answer() (any, error) {
	if _, err := d.start("methodResponse"); err != nil {
		return nil, err
	}
	what, err := d.start("params", "fault")
	if err != nil {
		return nil, err
	}
	if what == "fault" {
		return nil, d.fault()
	}
	params, err := d.params()
	if err != nil {
		return nil, err
	}
	if len(params) != 1 {
		return nil, d.fail("%d values: want one", len(params))
	}
	if err = d.end(); err != nil {
		return nil, err
	}
	return params[0], d.over()
}

func (d *decoder) fault() error {
	if _, err := d.start("value"); err != nil {
		return err
	}
	v, err := d.value(0)
	if err != nil {
		return err
	}
	m, _ := v.(map[string]any)
	code, ok := m["faultCode"].(int)
	text, ok2 := m["faultString"].(string)
	if !ok || !ok2 {
		return d.fail("want a struct with faultCode and faultString")
	}
	for range 2 { // fault and methodResponse
		if err := d.end(); err != nil {
			return err
		}
	}
	if err := d.over(); err != nil {
		return err
	}
	return &Fault{Code: code, Text: text}
}

// value reads what is in a value that has begun, and its end.
func (d *decoder) value(depth int) (any, error) {
	if d.values++; d.values > d.rules.maxValues() {
		return nil, d.fail("want at most %d values", d.rules.maxValues())
	}
	var text []byte
	for {
		t, err := d.next()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.CharData:
			text = append(text, t...)
		case xml.EndElement: // "If no type is indicated, the type is string."
			return string(text), nil
		case xml.StartElement:
			if len(bytes.TrimLeft(text, " \t\r\n")) > 0 {
				return nil, d.fail("text %.40q before <%.40s>", text, t.Name.Local)
			}
			v, err := d.typed(t.Name.Local, depth+1)
			if err != nil {
				return nil, err
			}
			return v, d.end()
		}
	}
}

// typed reads an element of a type, and its end.
func (d *decoder) typed(name string, depth int) (any, error) {
	switch name {
	case "array", "struct":
		if depth > d.rules.maxDepth() {
			return nil, d.fail("want values at most %d deep", d.rules.maxDepth())
		}
		if name == "array" {
			return d.array(depth)
		}
		return d.members(depth)
	}
	text, err := d.text()
	if err != nil {
		return nil, err
	}
	if name == "string" {
		return text, nil
	}
	text = strings.Trim(text, " \t\r\n")
	switch name {
	case "int", "i4", "i2", "i1", "i8":
		bits := map[string]int{"i1": 8, "i2": 16, "i8": 64}[name]
		if bits == 0 {
			bits = 32
		}
		if n, err := strconv.ParseInt(text, 10, bits); err == nil {
			return int(n), nil
		}
		return nil, d.fail("integer %.40q: want one of %d bits", text, bits)
	case "boolean":
		if text == "0" || text == "1" {
			return text == "1", nil
		}
		return nil, d.fail("boolean %.40q: want 0 or 1", text)
	case "double":
		if strings.Trim(text, "+-.0123456789eE") == "" {
			if f, err := strconv.ParseFloat(text, 64); err == nil {
				return f, nil
			}
		}
		return nil, d.fail("double %.40q: want a number", text)
	case "dateTime.iso8601":
		for _, layout := range []string{"20060102T15:04:05", "2006-01-02T15:04:05", "20060102T150405", "20060102T15:04:05Z07:00", time.RFC3339} {
			if at, err := time.Parse(layout, text); err == nil {
				return at.UTC(), nil
			}
		}
		return nil, d.fail("time %.40q: want one such as 20060102T15:04:05", text)
	case "base64":
		b, err := base64.StdEncoding.DecodeString(strings.NewReplacer(" ", "", "\t", "").Replace(text))
		if err != nil {
			return nil, d.fail("%v", err)
		}
		return b, nil
	case "nil":
		if text == "" {
			return nil, nil
		}
	}
	return nil, d.fail("<%.40s>: want a type of XML-RPC", name)
}

func (d *decoder) array(depth int) (any, error) {
	if _, err := d.start("data"); err != nil {
		return nil, err
	}
	items := []any{}
	for {
		some, err := d.more("value")
		if err != nil {
			return nil, err
		}
		if !some {
			return items, d.end()
		}
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
}

func (d *decoder) members(depth int) (any, error) {
	m := map[string]any{}
	for {
		some, err := d.more("member")
		if err != nil || !some {
			return m, err
		}
		if _, err = d.start("name"); err != nil {
			return nil, err
		}
		name, err := d.text()
		if err != nil {
			return nil, err
		}
		if _, twice := m[name]; twice {
			return nil, d.fail("two members are named %.40q", name)
		}
		if _, err = d.start("value"); err != nil {
			return nil, err
		}
		if m[name], err = d.value(depth); err != nil {
			return nil, err
		}
		if err = d.end(); err != nil {
			return nil, err
		}
	}
}
