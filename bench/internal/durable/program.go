//go:build linux

package durable

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/twistor-go/twistor/bench/internal/proc"
	"golang.org/x/sys/unix"
)

// A Job is what the command line asks for.
type Job struct {
	Dir     string // a folder of its own; empty, unless it is read again
	Writers int
	Way     string // one of the program's Ways
}

// A Program is a peer.
type Program struct {
	// Ways are how its interface can be used for the job; the first one is the
	// default. None: there is only one.
	Ways []string
	// Start begins anew in the job's folder, and starts the writers.
	Start func(job Job, t *Tally) error
	// Stop kills what would outlive the program. nil: nothing would.
	Stop func()
	// Kept reads the counters of all writers again, after the program has
	// died. nil: there are none.
	Kept func(job Job) ([]int64, error)
}

// Key is the name of a writer's counter.
func Key(writer int) string { return fmt.Sprintf("account-%04d", writer) }

// Main measures, or reads what was kept, as the command line says, and prints it
// as JSON.
func (p Program) Main() {
	log.SetFlags(0)
	var job Job
	var warm, window time.Duration
	var kept bool
	flag.StringVar(&job.Dir, "dir", "", "an empty folder, or with -kept one that was written")
	flag.IntVar(&job.Writers, "writers", 1, "how many make changes at once")
	flag.StringVar(&job.Way, "way", "", "how to use it: "+strings.Join(p.Ways, ", "))
	flag.DurationVar(&warm, "warm", 300*time.Millisecond, "time before the window")
	flag.DurationVar(&window, "dur", 2*time.Second, "time in which changes are counted")
	flag.BoolVar(&kept, "kept", false, "print what a former run has left, one count a writer")
	flag.Parse()
	if job.Way == "" && len(p.Ways) > 0 {
		job.Way = p.Ways[0]
	}
	switch {
	case job.Dir == "" || job.Writers < 1 || flag.NArg() > 0:
		log.Fatal("want -dir, and -writers 1 or more")
	case job.Way != "" && !slices.Contains(p.Ways, job.Way):
		log.Fatalf("-way %s: want one of %q", job.Way, p.Ways)
	}
	out := json.NewEncoder(os.Stdout)
	if kept {
		var counts []int64
		var err error
		if p.Kept != nil {
			counts, err = p.Kept(job)
		}
		if err != nil {
			log.Fatal(err)
		}
		out.Encode(counts)
		return
	}
	t := newTally(job.Writers)
	if err := settle(job.Dir); err != nil {
		log.Fatal(err)
	}
	if err := p.Start(job, t); err != nil {
		log.Fatal(err)
	}
	time.Sleep(warm)
	report := t.measure(job.Dir, window)
	if p.Stop != nil {
		p.Stop()
	}
	out.Encode(report)
	os.Exit(0) // as kill -9 does it: nothing is closed, written or waited for
}

// settle has the disk finish what others left to it: this is not to be waited
// for by the first of our changes.
func settle(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}

// measure counts for as long as window, then stops the writers, with their
// changes in flight.
func (t *Tally) measure(dir string, window time.Duration) Report {
	pids := proc.Tree(os.Getpid())
	changes, cpu, flushes, counted := t.changes(), proc.CPU(pids), 0, false
	if n, err := proc.Flushes(dir); err == nil {
		flushes, counted = n, true
	}
	began := time.Now()
	t.timing.Store(true)
	time.Sleep(window)
	changes = t.changes() - changes
	cpu = proc.CPU(pids) - cpu
	seconds := time.Since(began).Seconds()
	t.timing.Store(false)
	if changes == 0 {
		log.Fatalf("no change became durable within %v", window)
	}
	r := Report{Figures: map[string]float64{
		"wall": seconds / float64(changes) * 1e6,
		"rate": float64(changes) / seconds,
		"cpu":  cpu / float64(changes) * 1e6,
		"p50":  t.waits.quantile(0.50),
		"p99":  t.waits.quantile(0.99),
	}}
	if n, err := proc.Flushes(dir); err == nil && counted {
		r.Figures["flushes"] = float64(n-flushes) / seconds
	}
	r.Begun, r.Acknowledged = t.stop()
	return r
}
