package main

import (
	"strings"
	"testing"
)

const sample = `
{"Action":"run","Package":"p","Test":"TestGood"}
{"Action":"pass","Package":"p","Test":"TestGood","Elapsed":0.1}
{"Action":"run","Package":"p","Test":"TestTable"}
{"Action":"run","Package":"p","Test":"TestTable/one"}
{"Action":"pass","Package":"p","Test":"TestTable/one"}
{"Action":"run","Package":"p","Test":"TestTable/two"}
{"Action":"output","Package":"p","Test":"TestTable/two","Output":"    x_test.go:7: got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"TestTable/two"}
{"Action":"run","Package":"p","Test":"TestTable/HTTP/1.1"}
{"Action":"pass","Package":"p","Test":"TestTable/HTTP/1.1"}
{"Action":"fail","Package":"p","Test":"TestTable"}
{"Action":"output","Package":"p","Test":"TestPeer","Output":"    x_test.go:9: no nginx here\n"}
{"Action":"output","Package":"p","Test":"TestPeer","Output":"--- SKIP: TestPeer (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestPeer"}
{"Action":"fail","Package":"p","Elapsed":1}
{"Action":"output","Package":"q","Output":"panic: oh\n"}
{"Action":"fail","Package":"q"}
`

func TestTallyCountsAndReasons(t *testing.T) {
	x := newTally()
	if err := x.read(strings.NewReader(strings.TrimSpace(sample))); err != nil {
		t.Fatal(err)
	}
	passed, failed, skipped := x.counts()
	if passed != 3 || failed != 2 || skipped != 1 {
		t.Errorf("got %d passed, %d failed, %d skipped, want 3, 2, 1", passed, failed, skipped)
	}
	var b strings.Builder
	x.print(&b)
	for _, want := range []string{"skipped p TestPeer: no nginx here\n", "FAILED p TestTable/two\n", "got 1, want 2", "panic: oh"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// A package whose tests never ended (the process was killed) has failed.
func TestTallyMissesTheEnd(t *testing.T) {
	x := newTally()
	if err := x.read(strings.NewReader(`{"Action":"run","Package":"p","Test":"TestHangs"}`)); err != nil {
		t.Fatal(err)
	}
	if _, failed, _ := x.counts(); failed != 1 {
		t.Errorf("got %d failed, want 1", failed)
	}
}

// A test whose subtests pass can fail by itself.
func TestTallyBlamesTheParent(t *testing.T) {
	x := newTally()
	err := x.read(strings.NewReader(`{"Action":"run","Package":"p","Test":"TestT"}
{"Action":"run","Package":"p","Test":"TestT/a"}
{"Action":"pass","Package":"p","Test":"TestT/a"}
{"Action":"fail","Package":"p","Test":"TestT"}
{"Action":"fail","Package":"p"}`))
	if err != nil {
		t.Fatal(err)
	}
	if passed, failed, _ := x.counts(); passed != 1 || failed != 1 {
		t.Errorf("got %d passed, %d failed, want 1, 1", passed, failed)
	}
	var b strings.Builder
	if x.print(&b); strings.Contains(b.String(), "FAILED p \n") {
		t.Errorf("the package is blamed beside its test:\n%s", b.String())
	}
}

func TestTallyOfWhatDoesNotBuild(t *testing.T) {
	x := newTally()
	if err := x.read(strings.NewReader("pattern ./...: no such directory\n")); err != nil {
		t.Fatal(err)
	}
	if _, failed, _ := x.counts(); failed != 1 {
		t.Errorf("got %d failed, want 1", failed)
	}
}
