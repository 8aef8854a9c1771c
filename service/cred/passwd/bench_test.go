package passwd

import "testing"

// What one Verify costs, by form.
func BenchmarkVerify(b *testing.B) {
	ours, err := Hash("password", seeded())
	if err != nil {
		b.Fatal(err)
	}
	for _, v := range append(vectors, struct{ name, record, password string }{"argon2id as Hash makes it", ours.Text(), "password"}) {
		r, err := Parse(v.record)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Verify(v.password)
			}
		})
	}
}
