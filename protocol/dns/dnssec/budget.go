package dnssec

// Limits of a Budget's zero value.
const (
	DefaultMaxSignatures = 64
	DefaultMaxFailures   = 8
	DefaultMaxHashes     = 256
)

// A Budget bounds the work for one answer, whoever made the records that it
// rests on: a zone with many keys of one tag and many signatures could have a
// validator try each with each (KeyTrap, CVE-2023-50387), and long names have
// it compute hashes (CVE-2023-50868). One goes through all calls that one
// client's question leads to. The zero value allows the defaults. Loop-only.
type Budget struct {
	// MaxSignatures is how many signatures are computed. 0: 64. Negative: none.
	MaxSignatures int
	// MaxFailures is how many of them may be wrong. 0: 8. Negative: none.
	MaxFailures int
	// MaxHashes is how many names are hashed for NSEC3. 0: 256. Negative: none.
	MaxHashes int

	signatures, failures, hashes int // spent
}

func allowed(most, otherwise int) int {
	if most == 0 {
		return otherwise
	}
	return most
}

// signature reports whether one more may be computed.
func (b *Budget) signature() bool {
	b.signatures++
	return b.signatures <= allowed(b.MaxSignatures, DefaultMaxSignatures) && b.failures <= max(0, allowed(b.MaxFailures, DefaultMaxFailures))
}

// hash reports whether one more name may be hashed.
func (b *Budget) hash() bool {
	b.hashes++
	return b.hashes <= allowed(b.MaxHashes, DefaultMaxHashes)
}

// Spent is what was computed: signatures, how many of them were wrong, and hashes.
func (b *Budget) Spent() (signatures, failures, hashes int) {
	return b.signatures, b.failures, b.hashes
}
