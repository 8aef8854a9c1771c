package xmlrpc

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
)

// assign sets dst to v, which came; the error says what was wanted.
func assign(dst reflect.Value, v any) error {
	if dst.Kind() == reflect.Interface && dst.NumMethod() == 0 {
		if v != nil {
			dst.Set(reflect.ValueOf(v))
		} else {
			dst.SetZero()
		}
		return nil
	}
	if dst.Kind() == reflect.Pointer {
		if v == nil {
			dst.SetZero()
			return nil
		}
		p := reflect.New(dst.Type().Elem())
		dst.Set(p)
		return assign(p.Elem(), v)
	}
	switch v := v.(type) {
	case bool:
		if dst.Kind() == reflect.Bool {
			dst.SetBool(v)
			return nil
		}
	case int:
		switch {
		case dst.CanInt():
			if !dst.OverflowInt(int64(v)) {
				dst.SetInt(int64(v))
				return nil
			}
		case dst.CanUint():
			if v >= 0 && !dst.OverflowUint(uint64(v)) {
				dst.SetUint(uint64(v))
				return nil
			}
		case dst.CanFloat():
			dst.SetFloat(float64(v))
			return nil
		}
	case float64:
		if dst.CanFloat() {
			dst.SetFloat(v)
			return nil
		}
	case string:
		if dst.Kind() == reflect.String {
			dst.SetString(v)
			return nil
		}
	case []byte:
		if dst.Kind() == reflect.Slice && dst.Type().Elem().Kind() == reflect.Uint8 {
			dst.SetBytes(v)
			return nil
		}
	case time.Time:
		if dst.Type() == typeOfTime {
			dst.Set(reflect.ValueOf(v))
			return nil
		}
	case []any:
		return assignArray(dst, v)
	case map[string]any:
		return assignStruct(dst, v)
	}
	return fmt.Errorf("%s: want %s", typeOfValue(v), signature(dst.Type()))
}

func assignArray(dst reflect.Value, v []any) error {
	switch {
	case dst.Kind() == reflect.Slice && dst.Type() != typeOfBytes:
		dst.Set(reflect.MakeSlice(dst.Type(), len(v), len(v)))
	case dst.Kind() == reflect.Array && dst.Len() == len(v):
	default:
		return fmt.Errorf("array of %d: want %s", len(v), signature(dst.Type()))
	}
	for i, item := range v {
		if err := assign(dst.Index(i), item); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

// assignStruct fills a map or a struct. Members that a struct has no field for
// are left out; fields that do not come stay zero.
func assignStruct(dst reflect.Value, v map[string]any) error {
	switch {
	case dst.Kind() == reflect.Map && dst.Type().Key().Kind() == reflect.String:
		dst.Set(reflect.MakeMapWithSize(dst.Type(), len(v)))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			p := reflect.New(dst.Type().Elem()).Elem()
			if err := assign(p, v[name]); err != nil {
				return fmt.Errorf("%.40s: %w", name, err)
			}
			dst.SetMapIndex(reflect.ValueOf(name).Convert(dst.Type().Key()), p)
		}
		return nil
	case dst.Kind() == reflect.Struct && dst.Type() != typeOfTime:
		for _, f := range fieldsOf(dst.Type()) {
			if member, ok := v[f.name]; ok {
				if err := assign(dst.Field(f.index), member); err != nil {
					return fmt.Errorf("%s: %w", f.name, err)
				}
			}
		}
		return nil
	}
	return fmt.Errorf("struct: want %s", signature(dst.Type()))
}

// signature is the name that XML-RPC has for t; "undef" where it is any.
func signature(t reflect.Type) string {
	switch {
	case t == typeOfTime:
		return "dateTime.iso8601"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return "base64"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "int"
	case reflect.Float32, reflect.Float64:
		return "double"
	case reflect.String:
		return "string"
	case reflect.Slice, reflect.Array:
		return "array"
	case reflect.Map, reflect.Struct:
		return "struct"
	case reflect.Pointer:
		return signature(t.Elem())
	}
	return "undef"
}

func typeOfValue(v any) string {
	if v == nil {
		return "nil"
	}
	return signature(reflect.TypeOf(v))
}
