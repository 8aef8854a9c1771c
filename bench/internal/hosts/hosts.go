// Package hosts is what the name servers of the suite dns serve, and what its
// load asks them for: h0.example to h999999.example, each with an address that
// says its number.
package hosts

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
)

// Zone is the zone of them all.
const Zone = "example."

// Label is the first label of name number i.
func Label(b []byte, i int) []byte { return strconv.AppendInt(append(b, 'h'), int64(i), 10) }

// Address is the one of name number i, below 1<<24.
func Address(i int) [4]byte { return [4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)} }

// Write writes the master file of a zone of n names.
func Write(w io.Writer, n int) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "$ORIGIN %s\n$TTL 300\n@ SOA ns admin 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n", Zone)
	for i := range n {
		a := Address(i)
		fmt.Fprintf(b, "h%d A %d.%d.%d.%d\n", i, a[0], a[1], a[2], a[3])
	}
	return b.Flush()
}
