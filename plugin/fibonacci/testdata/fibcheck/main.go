// The program fibcheck reads what clients of a Fibonacci server were given, a
// file for each client with a number on each line, and looks for a number that
// was given twice, or to a client before a smaller one. It knows nothing of how
// the server works, and shares no code with it.
//
//	fibcheck client-0 client-1 ...
//
// It exits with 0 if all is well, 1 if it is not, 2 if it could not tell.
package main

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"os"
)

// A place is where a number was given.
type place struct {
	file string
	line int
}

func main() {
	given := map[[32]byte]place{} // by the hash of its digits: they may be long
	bad := 0
	for _, name := range os.Args[1:] {
		file, err := os.Open(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, "fibcheck:", err)
			os.Exit(2)
		}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 2<<20)
		before := ""
		for n := 1; lines.Scan(); n++ {
			number, here := lines.Text(), place{name, n}
			hash := sha256.Sum256([]byte(number))
			if first, twice := given[hash]; twice {
				fmt.Printf("%v: a number of %d digits was given before, %v\n", here, len(number), first)
				bad++
			}
			given[hash] = here
			if len(number) < len(before) || len(number) == len(before) && number <= before {
				fmt.Printf("%v: not above the number before it\n", here)
				bad++
			}
			before = number
		}
		if err := lines.Err(); err != nil {
			fmt.Fprintln(os.Stderr, "fibcheck:", name, err)
			os.Exit(2)
		}
		file.Close()
	}
	fmt.Printf("%d different numbers, %d faults\n", len(given), bad)
	if bad > 0 {
		os.Exit(1)
	}
}
