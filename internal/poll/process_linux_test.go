package poll

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// start starts a program with standard input and output of ours: the Handles
// are a sink and a file.
func (r *rig) child(argv ...string) (p *Process, in, out Handle) {
	r.Helper()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		r.Skip("not here:", err)
	}
	stdin, toChild := r.pipe()
	fromChild, stdout := r.pipe()
	files := []*os.File{FileOf(stdin, "stdin"), FileOf(stdout, "stdout"), nil}
	p, err = StartProcess(ProcessSpec{Path: path, Args: argv, Files: files})
	if err != nil {
		r.Fatal(err)
	}
	files[0].Close()
	files[1].Close()
	return p, r.adopt(toChild, "sink"), r.adopt(fromChild, "file")
}

func (r *rig) pipe() (FD, FD) {
	r.Helper()
	reading, writing, err := Pipe()
	if err != nil {
		r.Fatal(err)
	}
	return reading, writing
}

func (r *rig) adopt(fd FD, network string) Handle {
	r.Helper()
	h, err := r.Adopt(fd, Spec{Network: network})
	if err != nil {
		r.Fatal(err)
	}
	return h
}

// TestR27Pipes: a child's pipes are served as connections are, on every Poller.
func TestR27Pipes(t *testing.T) {
	each(t, func(r *rig) {
		p, in, out := r.child("cat")
		if exit, ok := p.Exit().(FD); ok {
			defer CloseFD(exit)
		}
		if _, err := r.Write(in, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		r.until(out, In)
		buf := make([]byte, 100)
		n, err := r.Read(out, buf)
		if string(buf[:n]) != "hello" || err != nil {
			t.Errorf("got %q, %v", buf[:n], err)
		}
		if err := r.CloseWrite(in); err != nil {
			t.Errorf("CloseWrite of a pipe: %v, want nil: its end is its Close", err)
		}
		if err := r.Close(in, false); err != nil {
			t.Error(err)
		}
		r.until(out, In|Hup)
		if _, err := r.Read(out, buf); err != io.EOF {
			t.Errorf("at the end: got %v, want %v", err, io.EOF)
		}
		r.Close(out, false)
		p.reap(t)
	})
}

// TestR27Sink: a pipe that nobody reads any more is told of without a write,
// and what it would be to read from it never reaches anybody.
func TestR27Sink(t *testing.T) {
	each(t, func(r *rig) {
		t := r.T
		reading, writing := r.pipe()
		h := r.adopt(writing, "sink")
		if err := r.Want(h, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Write(h, []byte("x")); err != nil {
			t.Errorf("Write: %v", err)
		}
		closeFD(int(reading))
		r.until(h, Hup)
		if n, err := r.Read(h, make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("Read of a broken sink: got %d, %v; want an error", n, err)
		}
		// The portable one's pump finds out after Write has taken it.
		if _, err := r.Write(h, []byte("x")); !errors.Is(err, syscall.EPIPE) && t.Name() == "TestR27Sink/system" {
			t.Errorf("Write to a broken sink: got %v, want EPIPE", err)
		}
		r.Close(h, false)
	})
}

// TestR31Exit: a child's end is an event, and Exited says so only then.
func TestR31Exit(t *testing.T) {
	leaks(t)
	r := newRig(t, Open)
	p, in, out := r.child("cat")
	sock := p.Exit()
	if sock == nil {
		t.Skip("this system has no pidfds")
	}
	exit, err := r.Adopt(sock, Spec{Network: "process"})
	if err != nil {
		t.Fatal(err)
	}
	if p.Exited() {
		t.Error("Exited before the end")
	}
	r.Close(in, false)
	r.until(exit, In)
	if !p.Exited() {
		t.Error("not Exited after the event")
	}
	p.reap(t)
	r.Close(exit, false)
	r.Close(out, false)
}

// reap waits for a child that ends well.
func (p *Process) reap(t *testing.T) {
	t.Helper()
	if state, err := p.Wait(); err != nil || !state.Success() {
		t.Errorf("Wait: got %v, %v; want success", state, err)
	}
}

// TestR29Master: what is written to one side of a terminal is read from the
// other, and a sink of it reads nothing.
func TestR29Master(t *testing.T) {
	leaks(t)
	r := newRig(t, Open)
	reading, writing, file, err := Terminal()
	if err != nil {
		t.Skip("no terminals here:", err)
	}
	out, in := r.adopt(reading, "file"), r.adopt(writing, "sink")
	file.WriteString("hello")
	r.until(out, In)
	buf := make([]byte, 100)
	if n, err := r.Read(in, buf); n != 0 || err != io.EOF {
		t.Errorf("Read of the sink: got %d, %v; want %v", n, err, io.EOF)
	}
	if n, err := r.Read(out, buf); string(buf[:n]) != "hello" || err != nil {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	r.Write(in, []byte("line\r"))
	if n, err := file.Read(buf); string(buf[:n]) != "line\n" || err != nil {
		t.Errorf("the terminal's side: got %q, %v", buf[:n], err)
	}
	if err := r.Poller.(Resizer).Resize(in, 40, 100); err != nil {
		t.Error(err)
	}
	file.Close()
	r.until(in, Hup)
	r.Close(in, false)
	r.Close(out, false)
}
