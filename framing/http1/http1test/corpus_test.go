package http1test

import (
	"strings"
	"testing"
)

// The corpus is large enough, has its controls, and every case says in words
// that a reader knows what must come of it.
func TestCorpus(t *testing.T) {
	names := map[string]bool{}
	bad, controls := 0, 0
	for _, c := range Corpus() {
		if names[c.Name] {
			t.Errorf("%s: want a name of its own", c.Name)
		}
		names[c.Name] = true
		if len(c.Bytes) == 0 {
			t.Errorf("%s: has no bytes", c.Name)
		}
		for _, word := range strings.Fields(c.Want) {
			if strings.Trim(word, "0123456789") != "" && word != "served" && word != "begun" && word != "waits" {
				t.Errorf("%s: outcome %q: want served, begun, waits or a status", c.Name, word)
			}
		}
		if control := strings.Contains(c.Name, "control:"); control {
			controls++
			if c.Status() != 0 {
				t.Errorf("%s: a control that is refused with %d", c.Name, c.Status())
			}
		} else if c.Status() != 0 {
			bad++
		}
	}
	if bad < 130 || controls < 20 {
		t.Errorf("got %d refused and %d controls, want 130 and 20", bad, controls)
	}
	t.Logf("%d refused, %d controls", bad, controls)
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"GET", "line 1: want a line with > or < first"},
		{"\n> a\n", "line 2: want > NAME | OUTCOMES"},
		{"> a |\n", "line 1: want > NAME | OUTCOMES"},
		{"< a | served\n", "line 1: want < METHOD NAME | OUTCOMES"},
		{"> a | served\n{3}\n", `line 2: want {N*TEXT}, or \x7b for a brace`},
		{"> a | served\n{3*a\n", `line 2: want {N*TEXT}, or \x7b for a brace`},
		{"> a | served\n{3*\\q}\n", `line 2: want an escape: \r \n \t \\ \xNN`},
		{"> a | served\n\\q\n", `line 2: want an escape: \r \n \t \\ \xNN`},
	} {
		if _, err := parse(tc.text); err == nil || err.Error() != tc.want {
			t.Errorf("%q: got %v, want %s", tc.text, err, tc.want)
		}
	}
}

func TestParse(t *testing.T) {
	cases, err := parse("# no\n> b | served 400\na\\r\\n\n{2*x{2*y}}}\n\n< GET c | waits\n\\x00\n")
	if err != nil || len(cases) != 2 {
		t.Fatalf("got %d cases, %v, want 2", len(cases), err)
	}
	a, b := cases[0], cases[1]
	if got, want := string(a.Bytes), "a\r\nxyyxyy}"; got != want || a.Response || a.Name != "b" || a.Served() != 1 || a.Status() != 400 {
		t.Errorf("got %+v, want %q of b", a, want)
	}
	if string(b.Bytes) != "\x00" || !b.Response || b.Method != "GET" || b.Name != "c" || b.Served() != 0 || b.Status() != 0 {
		t.Errorf("got %+v, want a response to GET", b)
	}
}
