package page

import (
	"reflect"

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
