package passwd_test

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/twistor-go/twistor/service/cred/passwd"
)

// How a line of a file of users is made and used.
func Example() {
	record, err := passwd.Hash("correct horse", rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	line := "jo:" + record.Text()

	_, text, _ := strings.Cut(line, ":")
	kept, err := passwd.Parse(text)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(kept.Form(), kept)
	fmt.Println(kept.Verify("correct horse"), kept.Verify("wrong horse"))
	// Output:
	// argon2id [redacted]
	// true false
}

// A user who is to log in by SCRAM-SHA-256 needs another form.
func ExampleNewSCRAM() {
	keys, err := passwd.NewSCRAM("pencil", 0, strings.NewReader("0123456789abcdef"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(keys.Record().Text()[:43])
	// Output:
	// SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==
}
