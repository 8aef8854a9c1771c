package xmlrpc

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

const declaration = "<?xml version=\"1.0\"?>\n"

// appendCall appends a call of method. http://xmlrpc.com/spec.md
func (r *Rules) appendCall(dst []byte, method string, args []any) ([]byte, error) {
	if !validMethod(method) {
		return nil, fmt.Errorf("xmlrpc: method %.100q: want 1 to 255 letters, digits, or any of _ . : /", method)
	}
	dst = append(dst, declaration+"<methodCall><methodName>"...)
	dst = append(append(dst, method...), "</methodName><params>"...)
	for i, a := range args {
		var err error
		if dst, err = r.appendParam(dst, a); err != nil {
			return nil, fmt.Errorf("xmlrpc: argument %d of %s: %w", i+1, method, err)
		}
	}
	return append(dst, "</params></methodCall>\n"...), nil
}

// appendResult appends the answer v.
func (r *Rules) appendResult(dst []byte, v any) ([]byte, error) {
	dst = append(dst, declaration+"<methodResponse><params>"...)
	dst, err := r.appendParam(dst, v)
	if err != nil {
		return nil, fmt.Errorf("xmlrpc: result: %w", err)
	}
	return append(dst, "</params></methodResponse>\n"...), nil
}

// appendFault appends the answer f. What has no place in XML is left out of its text.
func (r *Rules) appendFault(dst []byte, f *Fault) []byte {
	dst = append(dst, declaration+"<methodResponse><fault><value>"...)
	e := encoder{rules: r}
	code := max(math.MinInt32, min(f.Code, math.MaxInt32))
	m := map[string]any{"faultCode": code, "faultString": printable(f.Text)}
	dst, err := e.value(dst, reflect.ValueOf(m), 1)
	if err != nil {
		panic("xmlrpc: internal error: " + err.Error())
	}
	return append(dst, "</value></fault></methodResponse>\n"...)
}

func (r *Rules) appendParam(dst []byte, v any) ([]byte, error) {
	e := encoder{rules: r}
	dst, err := e.value(append(dst, "<param><value>"...), reflect.ValueOf(v), 0)
	return append(dst, "</value></param>"...), err
}

// An encoder writes one value.
type encoder struct{ rules *Rules }

var (
	typeOfTime  = reflect.TypeFor[time.Time]()
	typeOfBytes = reflect.TypeFor[[]byte]()
)

func (e *encoder) value(dst []byte, v reflect.Value, depth int) ([]byte, error) {
	if !v.IsValid() {
		return e.none(dst)
	}
	if v.Type() == typeOfTime {
		at := v.Interface().(time.Time).UTC()
		if y := at.Year(); y < 1 || y > 9999 {
			return nil, fmt.Errorf("year %d: want 1 to 9999", y)
		}
		dst = at.AppendFormat(append(dst, "<dateTime.iso8601>"...), "20060102T15:04:05")
		return append(dst, "</dateTime.iso8601>"...), nil
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return e.none(dst)
		}
		if depth++; depth > e.rules.maxDepth() {
			return nil, e.tooDeep()
		}
		return e.value(dst, v.Elem(), depth)
	case reflect.Bool:
		if v.Bool() {
			return append(dst, "<boolean>1</boolean>"...), nil
		}
		return append(dst, "<boolean>0</boolean>"...), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return e.integer(dst, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if v.Uint() > math.MaxInt64 {
			return nil, fmt.Errorf("integer %d: want 63 bits at most", v.Uint())
		}
		return e.integer(dst, int64(v.Uint()))
	case reflect.Float32, reflect.Float64:
		f := v.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("double %v: want a number", f)
		}
		dst = strconv.AppendFloat(append(dst, "<double>"...), f, 'f', -1, 64)
		return append(dst, "</double>"...), nil
	case reflect.String:
		dst, err := appendText(append(dst, "<string>"...), v.String())
		return append(dst, "</string>"...), err
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			dst = base64.StdEncoding.AppendEncode(append(dst, "<base64>"...), v.Bytes())
			return append(dst, "</base64>"...), nil
		}
		return e.array(dst, v, depth+1)
	case reflect.Array:
		return e.array(dst, v, depth+1)
	case reflect.Map:
		return e.members(dst, v, depth+1)
	case reflect.Struct:
		return e.structure(dst, v, depth+1)
	}
	return nil, fmt.Errorf("%s has no place in XML-RPC", v.Type())
}

func (e *encoder) none(dst []byte) ([]byte, error) {
	if !e.rules.Nil {
		return nil, errors.New("nil: want a value, or Rules.Nil")
	}
	return append(dst, "<nil/>"...), nil
}

func (e *encoder) integer(dst []byte, n int64) ([]byte, error) {
	if n >= math.MinInt32 && n <= math.MaxInt32 {
		return append(strconv.AppendInt(append(dst, "<int>"...), n, 10), "</int>"...), nil
	}
	if !e.rules.Long {
		return nil, fmt.Errorf("integer %d: want 32 bits, or Rules.Long", n)
	}
	return append(strconv.AppendInt(append(dst, "<i8>"...), n, 10), "</i8>"...), nil
}

func (e *encoder) array(dst []byte, v reflect.Value, depth int) (_ []byte, err error) {
	if depth > e.rules.maxDepth() {
		return nil, e.tooDeep()
	}
	dst = append(dst, "<array><data>"...)
	for i := range v.Len() {
		if dst, err = e.value(append(dst, "<value>"...), v.Index(i), depth); err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		dst = append(dst, "</value>"...)
	}
	return append(dst, "</data></array>"...), nil
}

func (e *encoder) members(dst []byte, v reflect.Value, depth int) (_ []byte, err error) {
	if v.Type().Key().Kind() != reflect.String {
		return nil, fmt.Errorf("%s: want names that are strings", v.Type())
	}
	if depth > e.rules.maxDepth() {
		return nil, e.tooDeep()
	}
	at := make(map[string]reflect.Value, v.Len())
	for it := v.MapRange(); it.Next(); {
		at[it.Key().String()] = it.Value()
	}
	dst = append(dst, "<struct>"...)
	for _, name := range slices.Sorted(maps.Keys(at)) {
		if dst, err = e.member(dst, name, at[name], depth); err != nil {
			return nil, err
		}
	}
	return append(dst, "</struct>"...), nil
}

func (e *encoder) structure(dst []byte, v reflect.Value, depth int) (_ []byte, err error) {
	if depth > e.rules.maxDepth() {
		return nil, e.tooDeep()
	}
	dst = append(dst, "<struct>"...)
	for _, f := range fieldsOf(v.Type()) {
		if dst, err = e.member(dst, f.name, v.Field(f.index), depth); err != nil {
			return nil, err
		}
	}
	return append(dst, "</struct>"...), nil
}

func (e *encoder) member(dst []byte, name string, v reflect.Value, depth int) (_ []byte, err error) {
	if dst, err = appendText(append(dst, "<member><name>"...), name); err != nil {
		return nil, err
	}
	if dst, err = e.value(append(dst, "</name><value>"...), v, depth); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return append(dst, "</value></member>"...), nil
}

func (e *encoder) tooDeep() error {
	return fmt.Errorf("values lie more than %d deep", e.rules.maxDepth())
}

// A structField is a field that takes part.
type structField struct {
	name  string
	index int
}

func fieldsOf(t reflect.Type) (fields []structField) {
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("xmlrpc")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields = append(fields, structField{name, i})
	}
	return fields
}

// appendText escapes s. A carriage return by itself would come back as a line
// feed: https://www.w3.org/TR/xml/#sec-line-ends
func appendText(dst []byte, s string) ([]byte, error) {
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case c == '&':
			dst = append(dst, "&amp;"...)
		case c == '<':
			dst = append(dst, "&lt;"...)
		case c == '>':
			dst = append(dst, "&gt;"...)
		case c == '\r':
			dst = append(dst, "&#13;"...)
		case c == utf8.RuneError && n == 1, !validRune(c):
			return nil, fmt.Errorf("string has %q at byte %d: want Unicode that XML allows, or []byte", s[i:i+n], i)
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst, nil
}

// validRune follows https://www.w3.org/TR/xml/#charsets
func validRune(c rune) bool {
	return c >= 0x20 && c <= 0xd7ff || c == '\t' || c == '\n' || c == '\r' || c >= 0xe000 && c <= 0xfffd || c >= 0x10000
}

// printable is s without what XML does not allow.
func printable(s string) string {
	var b []byte
	for _, c := range s {
		if validRune(c) {
			b = utf8.AppendRune(b, c)
		}
	}
	return string(b)
}

func validMethod(name string) bool {
	for i := range len(name) {
		c := name[i]
		if letter := 'a' <= c|0x20 && c|0x20 <= 'z'; !letter && !('0' <= c && c <= '9') && c != '_' && c != '.' && c != ':' && c != '/' {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 255
}
