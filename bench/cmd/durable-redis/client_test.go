//go:build linux

package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

func TestCommandsAsTheProtocolWants(t *testing.T) {
	got := string(appendCommand(nil, "INCRBY", "account-0007", "0"))
	if want := "*3\r\n$6\r\nINCRBY\r\n$12\r\naccount-0007\r\n$1\r\n0\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A server that refuses must not be counted as one that is fast.
func TestAnswersThatAreNone(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want int64
		ok   bool
	}{
		{":12\r\n", 12, true},
		{"+PONG\r\n", 0, true},
		{"-MISCONF Errors writing to the AOF file\r\n", 0, false},
		{"-LOADING Redis is loading the dataset in memory\r\n", 0, false},
		{":x\r\n", 0, false},
		{":1", 0, false},
		{"", 0, false},
	} {
		got, err := readAnswer(bufio.NewReader(strings.NewReader(tc.in)))
		if got != tc.want || (err == nil) != tc.ok {
			t.Errorf("%q: got %d, %v; want %d", tc.in, got, err, tc.want)
		}
	}
}

// Each writer returns only after the answer to its own command.
func TestPipelineKeepsTheOrder(t *testing.T) {
	const writers, changes = 50, 20
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	var mu sync.Mutex
	answered := map[string]int{}
	go func() { // counts before it answers
		for r := bufio.NewReader(server); ; {
			var words [5]string
			for i := range words {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				words[i] = strings.TrimSpace(line)
			}
			mu.Lock()
			answered[words[4]]++
			n := answered[words[4]]
			mu.Unlock()
			fmt.Fprintf(server, ":%d\r\n", n)
		}
	}()
	p := newPipeline(client, writers)
	go p.send()
	go p.receive()
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for n := range changes {
				p.increment(i)
				mu.Lock()
				got := answered[fmt.Sprintf("account-%04d", i)]
				mu.Unlock()
				if want := n + 1; got != want {
					t.Errorf("writer %d: %d commands were answered, want %d", i, got, want)
				}
			}
		})
	}
	all.Wait()
}
