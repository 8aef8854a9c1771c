package fibonacci

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// askers is how many clients ask at once.
	askers = 50
	// patience is how long anything may take, on any machine.
	patience = time.Minute
)

// A killing is a server that runs as a process of its own and is killed, again
// and again, and what its clients were given meanwhile.
type killing struct {
	t        *testing.T
	programs string // where twistor and fibcheck are
	state    string
	args     []string
	logs     []*os.File // of the clients: a number on each line
	chance   *rand.Rand
}

func newKilling(t *testing.T, args ...string) *killing {
	k := &killing{t: t, programs: t.TempDir(), state: t.TempDir(), args: args}
	for name, from := range map[string]string{"twistor": "../../cmd/twistor", "fibcheck": "./testdata/fibcheck"} {
		out, err := exec.Command("go", "build", "-o", filepath.Join(k.programs, name), from).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	logs := t.TempDir()
	for i := range askers {
		file, err := os.Create(filepath.Join(logs, fmt.Sprint("client-", i)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		k.logs = append(k.logs, file)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	k.chance = rand.New(rand.NewPCG(seed, 0))
	return k
}

var listening = regexp.MustCompile(`listening .*addr=(\S+)`)

// life runs the server until clients have been given some numbers more, and
// kills it; in some lives before it even listens.
func (k *killing) life() {
	k.t.Helper()
	server := exec.Command(filepath.Join(k.programs, "twistor"),
		append([]string{"fibonacci", "--listen=tcp:127.0.0.1:0", "--state=" + k.state}, k.args...)...)
	says, err := server.StderrPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		k.t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { server.Process.Kill() })
	if k.chance.IntN(10) == 0 {
		server.Process.Kill() // while it reads its memory, or sooner
	}
	said := bufio.NewReader(says)
	var all strings.Builder
	addr := ""
	for addr == "" {
		line, err := said.ReadString('\n')
		if all.WriteString(line); err != nil {
			break
		}
		if found := listening.FindStringSubmatch(line); found != nil {
			addr = found[1]
		}
	}
	if addr != "" {
		k.ask(addr, int64(k.chance.IntN(2*askers)), func() { server.Process.Kill() })
	}
	rest, _ := said.ReadString(0)
	ended := server.Wait()
	exit := &exec.ExitError{}
	if !late.Stop() || !errors.As(ended, &exit) || exit.Exited() {
		k.t.Fatalf("the server ended by itself, or hung: %v\n%s%s", ended, all.String(), rest)
	}
}

// ask has all clients ask as fast as they are answered, and calls enough when
// they have got n numbers together; it returns when they are cut off.
func (k *killing) ask(addr string, n int64, enough func()) {
	var got atomic.Int64
	if n == 0 {
		enough()
	}
	var all sync.WaitGroup
	for i, log := range k.logs {
		all.Go(func() {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				return // it is dead already
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			for {
				burst := 1 + i%3 // some ask more before they are answered
				if _, err := conn.Write([]byte(strings.Repeat("next\n", burst))); err != nil {
					return
				}
				for range burst {
					line, err := in.ReadString('\n')
					if err != nil {
						return // what has no end was not received
					}
					if _, err := log.WriteString(line); err != nil {
						k.t.Error(err)
					}
					if got.Add(1) == n {
						enough()
					}
				}
			}
		})
	}
	all.Wait()
}

// check has the checker look at what the clients got: whether all is well, and
// what it says.
func (k *killing) check() (well bool, says string) {
	k.t.Helper()
	c := exec.Command(filepath.Join(k.programs, "fibcheck"))
	for _, log := range k.logs {
		c.Args = append(c.Args, log.Name())
	}
	out, err := c.CombinedOutput()
	exit := &exec.ExitError{}
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		k.t.Fatalf("fibcheck: %v\n%s", err, out)
	}
	return err == nil, string(out)
}

// XC7, P6, F-31: twistor fibonacci is killed under load, again and again, and
// gives no number twice. TWISTOR_SOAK=1 kills it 1,000 times.
func TestKillNine(t *testing.T) {
	kills := 20
	switch {
	case os.Getenv("TWISTOR_SOAK") != "":
		kills = 1000
	case testing.Short():
		kills = 8
	}
	k := newKilling(t)
	for range kills {
		k.life()
	}
	well, says := k.check()
	if !well {
		t.Errorf("after %d kills:\n%s", kills, says)
	}
	t.Logf("%d kills under %d clients: %s", kills, askers, says)
	if says == "0 different numbers, 0 faults\n" {
		t.Error("nobody was given a number: this proves nothing")
	}
}

// The control: without a journal the same finds numbers that come twice.
func TestKillNineNotDurable(t *testing.T) {
	k := newKilling(t, "--durable=false")
	for range 20 {
		k.life()
		if well, _ := k.check(); !well {
			return
		}
	}
	t.Error("no number was given twice: the test above would find none either")
}
