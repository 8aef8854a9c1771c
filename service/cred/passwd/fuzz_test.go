package passwd

import (
	"testing"
)

// FuzzParse: no text panics, and a Record's text is the text.
func FuzzParse(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.record)
	}
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=4294967295$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA")
	f.Add("$y$jzzzzzz$$")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			if !r.IsZero() {
				t.Errorf("%q: a record and an error", text)
			}
			return
		}
		if r.Text() != text || r.Form() == "" {
			t.Errorf("%q: got text %q, form %q", text, r.Text(), r.Form())
		}
		if cheap(r) {
			r.Verify("x")
		}
	})
}

// cheap says whether a Verify of r takes milliseconds.
func cheap(r Record) bool {
	switch f := r.kept.form.(type) {
	case *argon2idHash:
		return f.cost.MemoryKiB*f.cost.Passes < 1<<10
	case *scramKeys:
		return f.Iterations < 5000
	case *cryptHash:
		return f.rounds < 2000
	case *yescryptHash:
		return f.n*f.r < 1<<10
	case bcryptHash:
		return f[4] == '0' && f[5] < '6'
	}
	return true
}

// FuzzPrepare: what is prepared stays as it is when it is prepared again.
func FuzzPrepare(f *testing.F) {
	f.Add("I\u00adX")
	f.Add("\u2168\u00a0")
	f.Add("\u0627\u0031\u0628")
	f.Fuzz(func(t *testing.T, password string) {
		once, err := Prepare(password)
		if err != nil {
			return
		}
		if twice, err := Prepare(once); err == nil && twice != once {
			t.Errorf("%q: got %q, and of that %q", password, once, twice)
		}
	})
}
