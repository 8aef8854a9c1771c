package persist

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
)

// checkState checks once, when a state is registered, that what is saved of it
// can be loaded again: no file ever says what type to make, so there must be no
// place where it would have to.
func checkState(name string, state any) error {
	t := reflect.TypeOf(state)
	if t == nil || t.Kind() != reflect.Pointer || reflect.ValueOf(state).IsNil() {
		return fmt.Errorf("persist: state %q: %w: %T, want a pointer to it", name, ErrUnknownType, state)
	}
	if err := checkType(t.Elem(), t.Elem().String(), false, map[reflect.Type]bool{}); err != nil {
		return fmt.Errorf("persist: state %q: %w", name, err)
	}
	return nil
}

// checkChange checks the type of a journal's changes. What is not exported
// would be lost, and the change mean another thing when it is replayed.
func checkChange(name string, t reflect.Type) error {
	if err := checkType(t, t.String(), true, map[reflect.Type]bool{}); err != nil {
		return fmt.Errorf("persist: change of journal %q: %w", name, err)
	}
	return nil
}

// checkType looks for what JSON cannot bring back: interfaces, functions,
// channels, complex numbers; whole says that fields which are not exported may
// not be there either. where is how a person finds the place.
func checkType(t reflect.Type, where string, whole bool, seen map[reflect.Type]bool) error {
	if seen[t] || keepsItself(t) {
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return nil
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return checkType(t.Elem(), where, whole, seen)
	case reflect.Map:
		switch k := t.Key().Kind(); {
		case keepsItself(t.Key()), k == reflect.String, k >= reflect.Int && k <= reflect.Uintptr:
			return checkType(t.Elem(), where, whole, seen)
		}
		return fmt.Errorf("%w: %s has keys of %s, want strings or integers", ErrUnknownType, where, t.Key())
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if hidesFields(f) {
				return fmt.Errorf("%w: %s embeds %s, which would be saved and cannot be loaded: want %s, or `json:\"-\"`",
					ErrUnknownType, where, f.Type, f.Type.Elem())
			}
			if !kept(f) {
				if whole {
					return fmt.Errorf("%w: %s.%s is not exported, and would be lost", ErrUnknownType, where, f.Name)
				}
				continue
			}
			if err := checkType(f.Type, where+"."+f.Name, whole, seen); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("%w: %s is %s, want plain values: fields that are not exported are not saved", ErrUnknownType, where, t)
}

// hidesFields reports whether f is an embedded pointer whose fields JSON saves,
// and cannot load, since nobody can set the pointer.
func hidesFields(f reflect.StructField) bool {
	if !f.Anonymous || f.IsExported() || f.Tag.Get("json") == "-" || f.Type.Kind() != reflect.Pointer || f.Type.Elem().Kind() != reflect.Struct {
		return false
	}
	for i := range f.Type.Elem().NumField() {
		if kept(f.Type.Elem().Field(i)) {
			return true
		}
	}
	return false
}

// kept reports whether JSON has a field.
func kept(f reflect.StructField) bool {
	if f.Tag.Get("json") == "-" {
		return false
	}
	return f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct
}

var (
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// keepsItself reports whether a type says itself how it is saved and loaded,
// such as *big.Int and time.Time.
func keepsItself(t reflect.Type) bool {
	if t.Kind() == reflect.Interface {
		return false
	}
	p := t
	if t.Kind() != reflect.Pointer {
		p = reflect.PointerTo(t)
	}
	return p.Implements(jsonMarshaler) && p.Implements(jsonUnmarshaler) ||
		p.Implements(textMarshaler) && p.Implements(textUnmarshaler)
}
