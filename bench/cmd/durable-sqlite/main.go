//go:build linux

// Command durable-sqlite makes changes durable with SQLite, in the translation
// that needs no C (https://pkg.go.dev/modernc.org/sqlite): a write-ahead log,
// synchronous=FULL, one connection, a prepared statement, a transaction for each
// change. It has no group commit: a program that wants one has to build it.
package main

import (
	"database/sql"
	"errors"
	"path/filepath"

	"github.com/twistor-go/twistor/bench/internal/durable"
	_ "modernc.org/sqlite"
)

func main() {
	durable.Program{Start: start, Kept: kept}.Main()
}

func open(job durable.Job) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(job.Dir, "bench.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	// SQLite has one writer at a time: a second connection would only collide.
	db.SetMaxOpenConns(1)
	return db, nil
}

func start(job durable.Job, t *durable.Tally) error {
	db, err := open(job)
	if err != nil {
		return err
	}
	if err := check(db); err != nil {
		return err
	}
	if _, err := db.Exec("CREATE TABLE accounts (name TEXT PRIMARY KEY, have INTEGER) WITHOUT ROWID"); err != nil {
		return err
	}
	step, err := db.Prepare("INSERT INTO accounts VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET have = have + 1")
	if err != nil {
		return err
	}
	t.Go(func(writer int) error {
		_, err := step.Exec(durable.Key(writer))
		return err
	})
	return nil
}

// check sees that the connection is what it should be, since a pragma that is
// not understood is no error.
func check(db *sql.DB) error {
	var mode string
	var synchronous int
	if err := db.QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if err := db.QueryRow("PRAGMA synchronous").Scan(&synchronous); err != nil {
		return err
	}
	const full = 2 // https://www.sqlite.org/pragma.html#pragma_synchronous
	if mode != "wal" || synchronous != full {
		return errors.New("SQLite did not take journal_mode=WAL, synchronous=FULL")
	}
	return nil
}

func kept(job durable.Job) ([]int64, error) {
	db, err := open(job)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	counts := make([]int64, job.Writers)
	for i := range counts {
		err := db.QueryRow("SELECT have FROM accounts WHERE name = ?", durable.Key(i)).Scan(&counts[i])
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
	}
	return counts, nil
}
