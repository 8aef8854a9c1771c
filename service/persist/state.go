package persist

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
)

// An Upgrade makes the data of one version of a state into that of the next
// one. It is given JSON and returns JSON; it must not keep old.
type Upgrade func(old json.RawMessage) (json.RawMessage, error)

// upgrade brings data of a version up to that of the code.
func upgrade(what string, data json.RawMessage, version int, upgrades []Upgrade) (json.RawMessage, error) {
	if version > len(upgrades) {
		return nil, fmt.Errorf("persist: %s: %w: its version is %d, want up to %d", what, ErrNewer, version, len(upgrades))
	}
	for ; version < len(upgrades); version++ {
		next, err := upgrades[version](data)
		if err != nil {
			return nil, fmt.Errorf("persist: %s: upgrade of version %d: %w", what, version, err)
		}
		data = next
	}
	return data, nil
}

// encodeState is the JSON of a state.
func encodeState(name string, state any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(state); err != nil {
		return nil, fmt.Errorf("persist: %s: %w", name, err)
	}
	data := json.RawMessage(bytes.TrimSuffix(b.Bytes(), []byte{'\n'}))
	if err := checkDepth(name, data); err != nil {
		return nil, fmt.Errorf("persist: %w", err)
	}
	return data, nil
}

// decodeState makes the exported fields of state what data says. Fields that
// data does not have keep their values; maps, slices, arrays and what pointers
// point to are made anew. If it fails, state is as it was.
func decodeState(name string, data json.RawMessage, state any) error {
	if err := checkDepth(name, data); err != nil {
		return fmt.Errorf("persist: %w", err)
	}
	trial := reflect.New(reflect.TypeOf(state).Elem())
	if err := strictly(data, trial.Interface()); err != nil {
		return fmt.Errorf("persist: state %q does not fit %T: %w: want an Upgrade", name, state, err)
	}
	empty(trial.Elem(), reflect.ValueOf(state).Elem())
	if err := json.Unmarshal(data, state); err != nil {
		return fmt.Errorf("persist: state %q: %w", name, err)
	}
	return nil
}

// empty empties the maps, slices, arrays and pointers of old for which found has
// values. JSON is decoded into what is there: a key that was deleted would come
// back with the program's initial map, and what two pointers share would get the
// value of the last one.
func empty(found, old reflect.Value) {
	switch old.Kind() {
	case reflect.Map, reflect.Slice, reflect.Array, reflect.Pointer:
		if old.CanSet() && !found.IsZero() {
			old.SetZero()
		}
	case reflect.Struct:
		if keepsItself(old.Type()) {
			return
		}
		for i := range old.NumField() {
			if kept(old.Type().Field(i)) {
				empty(found.Field(i), old.Field(i))
			}
		}
	}
}

// strictly decodes one JSON value; fields that v does not have are an error, so
// that nothing which was saved is dropped in silence.
func strictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("more than one JSON value")
	}
	return nil
}
