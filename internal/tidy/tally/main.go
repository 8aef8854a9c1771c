// Command tally reads "go test -json" and prints what a person wants of it:
// the output of failed tests, skipped tests with their reasons, packages that
// took long, and one line of counts. The script test uses it.
//
//	go test -json ./... | go run ./internal/tidy/tally [-counts FILE]
//
// With -counts it also writes "passed failed skipped" to FILE. It exits with
// status 1 if anything failed.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("tally: ")
	counts := flag.String("counts", "", "write the three counts to this file")
	flag.Parse()
	t := newTally()
	if err := t.read(os.Stdin); err != nil {
		log.Fatal(err)
	}
	w := bufio.NewWriter(os.Stdout)
	t.print(w)
	if err := w.Flush(); err != nil {
		log.Fatal(err)
	}
	passed, failed, skipped := t.counts()
	if *counts != "" {
		line := fmt.Sprintln(passed, failed, skipped)
		if err := os.WriteFile(*counts, []byte(line), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	if failed > 0 {
		os.Exit(1)
	}
}
