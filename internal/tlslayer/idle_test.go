package tlslayer_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"

	"github.com/twistor-go/twistor"
)

// maxIdleBytes is what an idle TLS connection may cost: PERFORMANCE says 9 KB,
// state of crypto/tls and the TCP connection below included.
const maxIdleBytes = 9000

// TestIdleBytes measures what an idle connection costs in a reactor: heap and
// stacks, between no connection and 1,000 of them whose clients live in another
// process. After a record of 16 KiB crypto/tls keeps its buffer: that is
// reported only.
func TestIdleBytes(t *testing.T) {
	if addr := os.Getenv("TWISTOR_IDLE_CLIENT"); addr != "" {
		idleClient(addr)
		return
	}
	if raceEnabled || testing.Short() {
		t.Skip("measures memory")
	}
	const n = 1000
	there := make(chan int, 2*n)
	_, addr := run(t, ca.Server("a.test"), twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
		return &sleeper{Transport: tr, there: there}
	}))
	before := memory()
	cmd := exec.Command(os.Args[0], "-test.run=^TestIdleBytes$")
	cmd.Env = append(os.Environ(), "TWISTOR_IDLE_CLIENT="+addr, "TWISTOR_IDLE_N="+strconv.Itoa(n), "TWISTOR_IDLE_CA="+string(ca.PEM()))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for _, what := range []string{"after a handshake and a word", "after a record of 16 KiB"} {
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		for range n {
			<-there
		}
		each := (memory() - before) / n
		t.Logf("an idle connection costs %d bytes %s", each, what)
		if what == "after a handshake and a word" && each > maxIdleBytes {
			t.Errorf("want at most %d", maxIdleBytes)
		}
		io.WriteString(in, "\n")
	}
	in.Close()
	io.Copy(io.Discard, lines)
	cmd.Wait()
}

// memory is what is in use after a collection.
func memory() int {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// A sleeper says when it has heard a word, or a record.
type sleeper struct {
	twistor.Transport
	there chan int
	bytes int
}

func (p *sleeper) Connected()         {}
func (p *sleeper) Disconnected(error) {}
func (p *sleeper) Received(b []byte) {
	if p.bytes += len(b); p.bytes == 4 || p.bytes == 4+16<<10 {
		p.there <- 1
	}
}

// idleClient is the other process.
func idleClient(addr string) {
	n, _ := strconv.Atoi(os.Getenv("TWISTOR_IDLE_N"))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(os.Getenv("TWISTOR_IDLE_CA")))
	config := &tls.Config{RootCAs: roots, ServerName: "a.test", DynamicRecordSizingDisabled: true}
	var all []*tls.Conn
	step := bufio.NewReader(os.Stdin)
	for range n {
		c, err := tls.Dial("tcp", addr, config)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		c.Write([]byte("word"))
		all = append(all, c)
	}
	fmt.Println("connected")
	step.ReadString('\n')
	for _, c := range all {
		c.Write(make([]byte, 16<<10))
	}
	fmt.Println("written")
	step.ReadString('\n')
	runtime.KeepAlive(all) // a collected connection is closed
	os.Exit(0)
}
