package xmlrpc

import "fmt"

const defaultMaxCalls = 100

// system is the method of that name that the Server has by itself; nil: none.
// http://xmlrpc-c.sourceforge.net/introspection.html
func (c *call) system(name string) func(params []any) (any, error) {
	if name == "system.multicall" && c.s.MaxCalls >= 0 {
		return c.multicall
	}
	if !c.s.Introspection {
		return nil
	}
	switch name {
	case "system.listMethods":
		return func(params []any) (any, error) {
			if len(params) > 0 {
				return nil, &Fault{Failure, fmt.Sprintf("got %d parameters, want none", len(params))}
			}
			return append(c.s.names(), c.own()...), nil
		}
	case "system.methodHelp":
		return c.about(func(m *method) any { return m.help })
	case "system.methodSignature":
		return c.about(func(m *method) any { return [][]string{m.signature()} })
	}
	return nil
}

// own are the names of the methods of system, sorted.
func (c *call) own() []string {
	names := []string{"system.listMethods", "system.methodHelp", "system.methodSignature"}
	if c.s.MaxCalls >= 0 {
		names = append(names, "system.multicall")
	}
	return names
}

// about is a method whose parameter is the name of one, of which tell knows more.
func (c *call) about(tell func(m *method) any) func(params []any) (any, error) {
	return func(params []any) (any, error) {
		if len(params) != 1 {
			return nil, &Fault{Failure, fmt.Sprintf("got %d parameters, want the name of a method", len(params))}
		}
		name, _ := params[0].(string)
		m := c.s.find(name)
		if m == nil {
			for _, own := range c.own() {
				if own == name {
					m, _ = methodOf(func() any { return nil })
				}
			}
		}
		if m == nil {
			return nil, &Fault{NotFound, "there is no such method"}
		}
		return tell(m), nil
	}
}

// multicall makes several calls, one after another: each is a struct of
// methodName and params, each result an array of the value, or a fault.
// https://mirrors.talideon.com/articles/multicall.html
func (c *call) multicall(params []any) (any, error) {
	var calls []any
	if len(params) == 1 {
		calls, _ = params[0].([]any)
	}
	if calls == nil {
		return nil, &Fault{Failure, "want an array of calls"}
	}
	most := c.s.MaxCalls
	if most == 0 {
		most = defaultMaxCalls
	}
	if len(calls) > most {
		return nil, &Fault{Failure, fmt.Sprintf("got %d calls, want at most %d", len(calls), most)}
	}
	results := []any{}
	for _, one := range calls {
		v, name, err := c.one(one)
		if c.co.Err() != nil {
			return nil, c.co.Err()
		}
		if err == nil {
			// One that has no place in XML must not spoil the others.
			_, err = c.s.appendResult(nil, v)
		}
		if err != nil {
			f := c.fault(name, err)
			results = append(results, map[string]any{"faultCode": f.Code, "faultString": printable(f.Text)})
			continue
		}
		results = append(results, []any{v})
	}
	return results, nil
}

func (c *call) one(v any) (result any, name string, err error) {
	m, _ := v.(map[string]any)
	name, ok := m["methodName"].(string)
	params, ok2 := m["params"].([]any)
	if !ok || !ok2 {
		return nil, "", &Fault{Failure, "want a struct of methodName and params"}
	}
	if name == "system.multicall" {
		return nil, name, &Fault{Failure, "want no multicall within one"}
	}
	result, err = c.do(name, params)
	return result, name, err
}
