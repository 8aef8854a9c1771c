// Package database asks SQL databases without blocking the loop: each query and
// each transaction is a Deferred, and runs on one of the loop's workers.
//
// It stands on package database/sql, so every driver made for that will do; the
// program imports the one it wants. A Pool is a service, which opens the
// database when it starts and closes it when it stops:
//
//	import _ "github.com/jackc/pgx/v5/stdlib"
//
//	db := &database.Pool{Driver: "pgx", DSN: twistor.Conceal(os.Getenv("SHOP_DSN"))}
//	group.Add("database", db) // before those who ask it
//
// In straight lines, in a coroutine:
//
//	n, err := database.QueryRow(db, database.Value[int],
//		"SELECT count(*) FROM visit WHERE page = $1", page).Await(co)
//
// and in callbacks:
//
//	users := database.Query(db, (*user).scan, "SELECT id, name FROM person")
//	users.Done(func(all []user, err error) { ... })
//
// Exec is for what returns no rows, Transact for several steps that are one, and
// WithConn for what needs a connection of its own. The functions that these are
// given run on a worker, where they may block, and must not touch what belongs
// to the loop.
//
// To cancel a Deferred ends its query, as far as the driver can; so does Timeout.
// What was cancelled may have been done.
//
// Connections that die are replaced. A call whose connection breaks fails with
// ErrLost and is not repeated, as nobody can know whether it was done; a call
// that found only dead connections, before the database has seen any of it, is
// given a new one. ErrConnect says that there is none to be had.
//
// Passwords in the DSN stay out of logs and of the texts of errors, also where a
// driver puts them there. The arguments of queries are in neither.
//
// A Pool belongs to one loop. Others ask it by deferred.Ask, or have a Pool each.
//
// Drivers: one that ignores its context keeps a worker until it has done, one
// that panics keeps it for ever. With
// SQLite, ":memory:" is another database for each connection (MaxConns: 1), and
// writers wait for each other (PRAGMA busy_timeout). MySQL's calls a lost
// connection by a name of its own; it is known by its IsValid.
//
// Limits: 8 calls at a time, of a reactor's 20 workers; 1,000 that wait (ErrBusy);
// 10,000 rows a Query (ErrTooManyRows; how long a row may be only the query can
// say); 30 s a call; each is a field of Pool. Left out: results read bit by bit,
// which a function given to WithConn can do; prepared statements, which drivers
// keep by themselves; connections made before they are needed.
package database
