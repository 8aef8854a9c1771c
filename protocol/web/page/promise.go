package page

import (
	"reflect"
	"slices"
	"strings"

	"github.com/twistor-go/twistor/deferred"
)

// A promise is a *deferred.Deferred of a type that is not known here.
type promise struct{ v reflect.Value }

var coType = reflect.TypeFor[*deferred.Co]()

// promised says whether v is a Deferred.
func promised(v any) (promise, bool) {
	r := reflect.ValueOf(v)
	if !r.IsValid() || r.Kind() != reflect.Pointer || r.IsNil() {
		return promise{}, false
	}
	await := r.MethodByName("Await")
	if !await.IsValid() {
		return promise{}, false
	}
	t := await.Type()
	ok := t.NumIn() == 1 && t.In(0) == coType && t.NumOut() == 2 && r.MethodByName("Result").IsValid()
	return promise{r}, ok
}

// result is what p holds, if it has fired.
func (p promise) result() (value any, err error, fired bool) {
	out := p.v.MethodByName("Result").Call(nil)
	if !out[1].Bool() {
		return nil, nil, false
	}
	err, _ = out[0].FieldByName("Err").Interface().(error)
	return out[0].FieldByName("Value").Interface(), err, true
}

func (p promise) await(co *deferred.Co) (any, error) {
	out := p.v.MethodByName("Await").Call([]reflect.Value{reflect.ValueOf(co)})
	err, _ := out[1].Interface().(error)
	return out[0].Interface(), err
}

// cancelIn cancels the Deferreds that stand in data itself.
func cancelIn(data any) {
	v := reflect.ValueOf(data)
	if cancel(v) {
		return
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				cancel(v.Field(i))
			}
		}
	case reflect.Map:
		// In the order of their names: what is cancelled may be seen.
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			cancel(v.MapIndex(k))
		}
	}
}

// cancel cancels v, if it is a Deferred.
func cancel(v reflect.Value) bool {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() || !v.CanInterface() {
		return false
	}
	p, ok := promised(v.Interface())
	if ok {
		p.v.MethodByName("Cancel").Call(nil)
	}
	return ok
}
