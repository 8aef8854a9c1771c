package xmlrpc_test

import (
	"strings"
	"time"

	"github.com/twistor-go/twistor/protocol/web/xmlrpc"
)

// validator1 is the suite of http://xmlrpc.com/validator1Docs.
func validator1() *xmlrpc.Server {
	s := &xmlrpc.Server{}
	v := &xmlrpc.Server{}
	type stooges struct {
		Moe   int `xmlrpc:"moe"`
		Larry int `xmlrpc:"larry"`
		Curly int `xmlrpc:"curly"`
	}
	sum := func(s stooges) int { return s.Moe + s.Larry + s.Curly }
	v.Handle("arrayOfStructsTest", func(all []stooges) (n int) {
		for _, s := range all {
			n += s.Curly
		}
		return n
	}, "the sum of all members curly")
	v.Handle("countTheEntities", func(text string) map[string]int {
		return map[string]int{
			"ctLeftAngleBrackets": strings.Count(text, "<"), "ctRightAngleBrackets": strings.Count(text, ">"), "ctAmpersands": strings.Count(text, "&"),
			"ctApostrophes": strings.Count(text, "'"), "ctQuotes": strings.Count(text, `"`),
		}
	})
	v.Handle("easyStructTest", sum)
	v.Handle("echoStructTest", func(m map[string]any) map[string]any { return m })
	v.Handle("manyTypesTest", func(n int, b bool, s string, f float64, at time.Time, p []byte) []any {
		return []any{n, b, s, f, at, p}
	})
	v.Handle("moderateSizeArrayCheck", func(all []string) string { return all[0] + all[len(all)-1] })
	v.Handle("nestedStructTest", func(calendar map[string]map[string]map[string]stooges) int { return sum(calendar["2000"]["04"]["01"]) })
	v.Handle("simpleStructReturnTest", func(n int) map[string]int {
		return map[string]int{"times10": 10 * n, "times100": 100 * n, "times1000": 1000 * n}
	})
	s.Sub("validator1", v)
	return s
}
