//go:build linux

// Command durable-bbolt makes changes durable with bbolt
// (https://pkg.go.dev/go.etcd.io/bbolt), as it is by default: a B+ tree in one
// file, two fdatasyncs a transaction. Ways: update, a transaction for each
// change; and batch, one for all writers that wait, who need not wait for
// MaxBatchDelay, since all that there are make a batch.
package main

import (
	"encoding/binary"
	"path/filepath"

	"github.com/twistor-go/twistor/bench/internal/durable"
	"go.etcd.io/bbolt"
)

var bucket = []byte("accounts")

func main() {
	durable.Program{Ways: []string{"update", "batch"}, Start: start, Kept: kept}.Main()
}

func open(job durable.Job) (*bbolt.DB, error) {
	return bbolt.Open(filepath.Join(job.Dir, "bench.db"), 0o600, nil)
}

func start(job durable.Job, t *durable.Tally) error {
	db, err := open(job)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket(bucket)
		return err
	})
	if err != nil {
		return err
	}
	transact := db.Update
	if job.Way == "batch" {
		db.MaxBatchSize = job.Writers
		transact = db.Batch
	}
	t.Go(func(writer int) error {
		return transact(func(tx *bbolt.Tx) error {
			b, key := tx.Bucket(bucket), []byte(durable.Key(writer))
			return b.Put(key, binary.BigEndian.AppendUint64(nil, uint64(count(b, key)+1)))
		})
	})
	return nil
}

func count(b *bbolt.Bucket, key []byte) int64 {
	v := b.Get(key)
	if v == nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(v))
}

func kept(job durable.Job) (counts []int64, err error) {
	db, err := open(job)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return counts, db.View(func(tx *bbolt.Tx) error {
		for i := range job.Writers {
			counts = append(counts, count(tx.Bucket(bucket), []byte(durable.Key(i))))
		}
		return nil
	})
}
