//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/twistor-go/twistor/bench/internal/micro"
	"github.com/twistor-go/twistor/bench/internal/proc"
)

// Samples are the figures of one suite: cell, peer and column give one value a
// round. Cells and peers keep the order in which they were first measured.
type samples struct {
	cells, peers []string
	values       map[[3]string][]float64
}

func newSamples() *samples { return &samples{values: map[[3]string][]float64{}} }

func (s *samples) add(cell, peer, key string, v float64) {
	if !slices.Contains(s.cells, cell) {
		s.cells = append(s.cells, cell)
	}
	if !slices.Contains(s.peers, peer) {
		s.peers = append(s.peers, peer)
	}
	k := [3]string{cell, peer, key}
	s.values[k] = append(s.values[k], v)
}

func (s *samples) of(cell, peer, key string) []float64 { return s.values[[3]string{cell, peer, key}] }

// measure runs the rounds. What fails is said on standard error and left out.
func (s suite) measure(p plan, match *regexp.Regexp) *samples {
	got := newSamples()
	for _, x := range s.peers {
		if x.absent != "" && p.wants(x.name) {
			fmt.Fprintf(os.Stderr, "%s: %s is left out: %s\n", s.name, x.name, x.absent)
		}
	}
	if s.prepare != nil {
		if err := s.prepare(); err != nil {
			log.Fatalf("%s: %v", s.name, err)
		}
	}
	if s.rounds > 0 {
		p.rounds = min(p.rounds, s.rounds)
	}
	sample := s.sample
	if sample == nil {
		sample = underLoad
	}
	for round := range p.rounds {
		if s.cells == nil {
			s.timed(p, match, round, got)
		}
		for _, c := range s.cells {
			if !match.MatchString(c.name) {
				continue
			}
			for _, x := range s.of(c) {
				if x.absent != "" || !p.wants(x.name) {
					continue
				}
				progress("%s, round %d of %d: %s, %s", s.name, round+1, p.rounds, c.name, x.name)
				v, err := sample(p, x, c)
				if err != nil {
					progress("")
					fmt.Fprintf(os.Stderr, "%s: %s, %s: %v\n", s.name, c.name, x.name, err)
					continue
				}
				for _, col := range s.columns {
					if f, measured := v[col.key]; measured {
						got.add(c.name, x.name, col.key, f)
					}
				}
			}
		}
	}
	progress("")
	return got
}

// of are the peers of a cell.
func (s suite) of(c cell) []peer {
	if c.peers != nil {
		return c.peers
	}
	return s.peers
}

// progress replaces the line that says what is being measured, on a terminal.
func progress(format string, args ...any) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "\r\033[K"+format, args...)
	}
}

// timed runs the peers that time themselves, once.
func (s suite) timed(p plan, match *regexp.Regexp, round int, got *samples) {
	for _, x := range s.peers {
		if x.absent != "" || !p.wants(x.name) {
			continue
		}
		progress("%s, round %d of %d: %s", s.name, round+1, p.rounds, x.name)
		out, err := exec.Command("taskset", append([]string{"-c", "0"}, x.words...)...).Output()
		if err != nil {
			progress("")
			fmt.Fprintf(os.Stderr, "%s: %s: %v\n", s.name, x.name, failure(err))
			continue
		}
		for d := json.NewDecoder(bytes.NewReader(out)); ; {
			var row micro.Row
			if err := d.Decode(&row); err == io.EOF {
				break
			} else if err != nil {
				log.Fatalf("%s prints what is not a row: %v", x.name, err)
			}
			if match.MatchString(row.Cell) {
				got.add(row.Cell, row.Peer, "cpu", row.CPU)
			}
		}
	}
}

// underLoad starts a server and measures it by the load generator.
func underLoad(p plan, x peer, c cell) (map[string]float64, error) {
	return x.serve(func(addr string, pid int) (map[string]float64, error) {
		return load(p, addr, pid, c.args)
	})
}

// load runs the load generator on core 1 and reads its figures.
func load(p plan, addr string, pid int, args []string) (map[string]float64, error) {
	words := append([]string{"-c", "1", filepath.Join(p.bin, "load"), "-addr", addr, "-pid", fmt.Sprint(pid)}, args...)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute) // a server may just not answer
	defer cancel()
	cmd := exec.CommandContext(ctx, "taskset", words...)
	cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1") // its one thread needs no preemption
	out, err := cmd.Output()
	if err != nil {
		return nil, failure(err)
	}
	v := map[string]float64{}
	return v, json.Unmarshal(out, &v)
}

// failure is err with what the command said last.
func failure(err error) error {
	if e, ok := err.(*exec.ExitError); ok {
		if said := strings.TrimSpace(string(e.Stderr)); said != "" {
			return fmt.Errorf("%v: %s", err, said[strings.LastIndexByte(said, '\n')+1:])
		}
	}
	return err
}

// serve starts the peer on core 0, waits until it listens, calls f with its
// address and process, and ends it.
func (x peer) serve(f func(addr string, pid int) (map[string]float64, error)) (map[string]float64, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	place := strings.NewReplacer("ADDR", addr, "PORT", port)
	if x.config.path != "" {
		if err := os.WriteFile(x.config.path, []byte(place.Replace(x.config.text)), 0o644); err != nil {
			return nil, err
		}
	}
	words := []string{"-c", "0"}
	for _, w := range x.words {
		words = append(words, place.Replace(w))
	}
	var said bytes.Buffer
	cmd := exec.Command("taskset", words...)
	cmd.Env = append(os.Environ(), x.env...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	pid := cmd.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		for _, p := range slices.Backward(proc.Tree(pid)) {
			syscall.Kill(p, syscall.SIGKILL)
		}
		<-ended
	}()
	for range 600 { // it may read a large zone first
		select {
		case err := <-ended:
			ended <- err
			return nil, fmt.Errorf("did not start: %v: %s", err, strings.TrimSpace(said.String()))
		case <-time.After(50 * time.Millisecond):
		}
		if listening(addr) {
			time.Sleep(100 * time.Millisecond) // its start-up is not to be measured
			return f(addr, pid)
		}
	}
	return nil, fmt.Errorf("did not listen at %s within 30 s", addr)
}

// freeAddress is a loopback address that nobody listens at.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// listening looks into the kernel's table, since a probing connection would
// be measured too.
func listening(addr string) bool {
	_, port, _ := net.SplitHostPort(addr)
	n, _ := net.LookupPort("tcp", port)
	suffix := fmt.Sprintf(":%04X", n)
	const listen = "0A"
	for _, f := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		table, _ := os.ReadFile(f)
		for l := range strings.Lines(string(table)) {
			w := strings.Fields(l)
			if len(w) > 3 && strings.HasSuffix(w[1], suffix) && w[3] == listen {
				return true
			}
		}
	}
	return false
}
