package xmlrpc

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// A method is a function that can be called.
type method struct {
	f       reflect.Value
	help    string
	waits   bool // it wants a Co
	asked   bool // it wants the Request
	lead    int  // how many parameters these are
	result  int  // which result is the value; -1: none
	fails   int  // which is the error; -1: none
	later   bool // the value is a Deferred of it
	returns reflect.Type
}

var (
	typeOfCo      = reflect.TypeFor[*deferred.Co]()
	typeOfRequest = reflect.TypeFor[*web.Request]()
	typeOfError   = reflect.TypeFor[error]()
)

// methodOf looks at f once.
func methodOf(f any) (*method, error) {
	v := reflect.ValueOf(f)
	if v.Kind() != reflect.Func || v.IsNil() {
		return nil, fmt.Errorf("%T: want a function", f)
	}
	t := v.Type()
	m := &method{f: v, result: -1, fails: -1}
	if m.lead < t.NumIn() && t.In(m.lead) == typeOfCo {
		m.waits = true
		m.lead++
	}
	if m.lead < t.NumIn() && t.In(m.lead) == typeOfRequest {
		m.asked = true
		m.lead++
	}
	for i := m.lead; i < t.NumIn(); i++ {
		in := t.In(i)
		if t.IsVariadic() && i == t.NumIn()-1 {
			in = in.Elem()
		}
		if err := canCome(in); err != nil {
			return nil, fmt.Errorf("parameter %d: %w", i+1, err)
		}
	}
	n := t.NumOut()
	if n > 0 && t.Out(n-1) == typeOfError {
		n--
		m.fails = n
	}
	if n > 1 {
		return nil, errors.New("want at most a value and an error as results")
	}
	if n == 1 {
		m.result, m.returns = 0, t.Out(0)
		if await, ok := m.returns.MethodByName("Await"); ok && await.Type.NumIn() == 2 && await.Type.In(1) == typeOfCo && await.Type.NumOut() == 2 {
			m.later, m.returns = true, await.Type.Out(0)
		}
		if m.returns == reflect.TypeFor[struct{}]() { // of a Signal
			m.returns = nil
		}
	}
	return m, nil
}

// canCome says whether a value that comes can be a t.
func canCome(t reflect.Type) error {
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128, reflect.Uintptr:
		return fmt.Errorf("%s has no place in XML-RPC", t)
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return fmt.Errorf("%s: want any", t)
		}
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return fmt.Errorf("%s: want names that are strings", t)
		}
	}
	return nil
}

// call calls it, with what came, and waits for the result.
func (m *method) call(c *call, params []any) (any, error) {
	in, err := m.arguments(c, params)
	if err != nil {
		return nil, err
	}
	out := m.f.Call(in)
	if m.fails >= 0 {
		if err, _ := out[m.fails].Interface().(error); err != nil {
			return nil, err
		}
	}
	if m.result < 0 {
		return m.nothing(c), nil
	}
	v := out[m.result]
	if m.later {
		if v.IsNil() {
			return nil, errors.New("the method returned no Deferred")
		}
		got := v.MethodByName("Await").Call([]reflect.Value{reflect.ValueOf(c.co)})
		if err, _ := got[1].Interface().(error); err != nil {
			return nil, err
		}
		v = got[0]
	}
	if m.returns == nil {
		return m.nothing(c), nil
	}
	return v.Interface(), nil
}

// nothing is the value of a method that has none: every answer has one.
func (m *method) nothing(c *call) any {
	if c.s.Nil {
		return nil
	}
	return ""
}

// arguments are the parameters as f wants them.
func (m *method) arguments(c *call, params []any) ([]reflect.Value, error) {
	t := m.f.Type()
	want, variadic := t.NumIn()-m.lead, t.IsVariadic()
	if variadic {
		want--
	}
	if len(params) < want || len(params) > want && !variadic {
		return nil, &Fault{Failure, fmt.Sprintf("got %d parameters, want %d", len(params), want)}
	}
	var in []reflect.Value
	if m.waits {
		in = append(in, reflect.ValueOf(c.co))
	}
	if m.asked {
		in = append(in, reflect.ValueOf(c.r))
	}
	for i, v := range params {
		at := min(i+m.lead, t.NumIn()-1)
		kind := t.In(at)
		if variadic && at == t.NumIn()-1 {
			kind = kind.Elem()
		}
		a := reflect.New(kind).Elem()
		if err := assign(a, v); err != nil {
			return nil, &Fault{Failure, fmt.Sprintf("parameter %d: %v", i+1, err)}
		}
		in = append(in, a)
	}
	return in, nil
}

// signature is what system.methodSignature says: the result, then the parameters.
func (m *method) signature() []string {
	s := []string{"undef"}
	if m.returns != nil {
		s[0] = signature(m.returns)
	}
	t := m.f.Type()
	for i := m.lead; i < t.NumIn(); i++ {
		if t.IsVariadic() && i == t.NumIn()-1 {
			break
		}
		s = append(s, signature(t.In(i)))
	}
	return s
}
