package reactor_test

import (
	"context"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
)

// A counting is the protocol of a child whose bytes are counted.
type counting struct {
	sorting
	n int64
}

func (c *counting) Spawned(p twistor.Process)       { p.Input(0).Close() }
func (c *counting) OutputReceived(fd int, p []byte) { c.n += int64(len(p)) }

func benchChild(b *testing.B, bytes int64, c twistor.Command) {
	b.ReportAllocs()
	b.SetBytes(bytes)
	err := reactor.Do(context.Background(), &reactor.Config{Loops: 1}, func(co *deferred.Co, l twistor.Loop) error {
		for b.Loop() {
			p := &counting{sorting: sorting{ended: deferred.New[struct{}](l)}}
			if _, err := l.(twistor.Spawner).Spawn(c, p); err != nil {
				return err
			}
			if _, err := p.ended.Await(co); err != nil {
				return err
			}
			if p.n != bytes {
				b.Errorf("%d bytes, want %d", p.n, bytes)
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSpawn is the life of a child that does nothing, from Spawn to Ended.
func BenchmarkSpawn(b *testing.B) { benchChild(b, 0, twistor.Command{Path: "true"}) }

// BenchmarkChildOutput is 64 MiB from a child.
func BenchmarkChildOutput(b *testing.B) {
	benchChild(b, 64<<20, twistor.Command{Path: "head", Args: []string{"-c", "64M", "/dev/zero"}})
}
