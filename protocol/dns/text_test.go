package dns

import "testing"

func TestParseRR(t *testing.T) {
	for text, want := range map[string]bool{
		"www.example. 60 IN A 192.0.2.1":  true,
		"www.example. A 192.0.2.1":        true,
		"":                                false,
		"; nothing":                       false,
		"www.example. 60 IN A 192.0.2":    false,
		"www.example. 60 IN NOTYPE 1.2.3": false,
	} {
		if rr, err := ParseRR(text); (err == nil) != want {
			t.Errorf("%q: got %v, %v", text, rr, err)
		}
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"www.example. 60 IN CNAME a.example.", "WWW.example. 30 IN CNAME A.Example.", true},
		{"www.example. 60 IN CNAME a.example.", "www.example. 60 IN CNAME b.example.", false},
		{"www.example. 60 IN A 192.0.2.1", "w.example. 60 IN A 192.0.2.1", false},
	} {
		a, err := ParseRR(c.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := ParseRR(c.b)
		if err != nil {
			t.Fatal(err)
		}
		if got := Same(a, b); got != c.want {
			t.Errorf("%s, %s: got %v", c.a, c.b, got)
		}
	}
}
