//go:build linux

package database

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// A postgres is a server of the test's own: its files, its UNIX socket and no
// port. It runs as another user where the test runs as root, whom it refuses.
type postgres struct {
	t    *testing.T
	bin  string
	dir  string // of everything
	as   *syscall.Credential
	cmd  *exec.Cmd
	said bytes.Buffer
}

const (
	postgresUser     = "web"
	postgresPassword = "Hunter-2"
)

// newPostgres makes and starts one.
func newPostgres(t *testing.T) *postgres {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // where Debian has it
	if len(found) == 0 {
		found = append(found, peertest.Program(t, "initdb"))
	}
	s := &postgres{t: t, bin: filepath.Dir(found[len(found)-1])}
	// t.TempDir may lie where another user cannot go, or be too long for a socket.
	dir, err := os.MkdirTemp("/tmp", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s.dir = dir
	if os.Getuid() == 0 {
		s.as = &syscall.Credential{}
		for _, name := range []string{"postgres", "nobody"} {
			if u, err := user.Lookup(name); err == nil {
				uid, _ := strconv.Atoi(u.Uid)
				gid, _ := strconv.Atoi(u.Gid)
				s.as.Uid, s.as.Gid = uint32(uid), uint32(gid)
				break
			}
		}
		if s.as.Uid == 0 {
			t.Fatal("PostgreSQL refuses root: want a user postgres or nobody")
		}
		if err := os.Chown(dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(postgresPassword+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.run("initdb", "-D", s.data(), "-U", postgresUser, "--pwfile", password, "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync")
	s.start()
	return s
}

func (s *postgres) data() string { return filepath.Join(s.dir, "data") }

// dsn is how to connect, with that password.
func (s *postgres) dsn(password string) twistor.Secret {
	return twistor.Conceal(fmt.Sprintf("host=%s user=%s password=%s dbname=postgres", s.dir, postgresUser, password))
}

func (s *postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Pdeathsig: syscall.SIGQUIT}
	return cmd
}

func (s *postgres) run(name string, args ...string) {
	s.t.Helper()
	if out, err := s.command(name, args...).CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// start starts the server; it does not wait until that answers.
func (s *postgres) start() {
	s.t.Helper()
	s.cmd = s.command("postgres", "-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=20")
	s.cmd.Stdout, s.cmd.Stderr = &s.said, &s.said
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd := s.cmd
	s.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Signal(syscall.SIGQUIT)
			cmd.Wait()
		}
		if s.t.Failed() {
			s.t.Log(s.said.String())
		}
	})
}

// stop ends the server: by SIGINT it breaks connections and says so, by SIGQUIT
// it is as if it had crashed.
func (s *postgres) stop(how syscall.Signal) {
	s.cmd.Process.Signal(how)
	s.cmd.Wait()
}

// pool asks the server. It tries fast, as the server is on its way.
func (s *postgres) pool() *Pool {
	return &Pool{Driver: "pgx", DSN: s.dsn(postgresPassword), Backoff: service.Backoff{Min: 20 * time.Millisecond, Max: 100 * time.Millisecond, MaxTries: 500}}
}

// TestPostgres asks a real server what the other tests ask a fake. One server
// serves all parts, as it takes its time to be made.
func TestPostgres(t *testing.T) {
	s := newPostgres(t)
	t.Run("DB01", s.opens)
	t.Run("DB02", s.queries)
	t.Run("DB03", s.transactions)
	t.Run("DB04", s.connections)
	t.Run("cancel", s.cancels)
	t.Run("T-28", s.keepsSecrets)
	t.Run("DB05 terminated", s.terminated)
	t.Run("DB05 restarted", func(t *testing.T) { s.restarted(t, syscall.SIGINT) })
	t.Run("DB05 crashed", func(t *testing.T) { s.restarted(t, syscall.SIGQUIT) })
}

// As many connections as calls need, none beyond MaxConns, none after Stop.
func (s *postgres) opens(t *testing.T) {
	const mine = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'opens'"
	p := s.pool()
	p.DSN = twistor.Conceal(p.DSN.Reveal() + " application_name=opens")
	p.MaxConns = 3
	live(t, p, func(co *deferred.Co) error {
		n, err := QueryRow(p, Value[int], mine).Await(co)
		if n != 1 || err != nil {
			t.Errorf("after Start got %d connections, %v, want 1", n, err)
		}
		var calls []*deferred.Deferred[int]
		for range 9 {
			calls = append(calls, QueryRow(p, Value[int], "SELECT (pg_sleep(0.01) IS NULL)::int"))
		}
		if _, err := deferred.All(calls...).Await(co); err != nil {
			return err
		}
		n, err = QueryRow(p, Value[int], mine).Await(co)
		if n != 3 {
			t.Errorf("after many calls got %d connections, want 3", n)
		}
		return err
	})
	p = s.pool()
	live(t, p, func(co *deferred.Co) error {
		for { // the server takes a moment to notice
			n, err := QueryRow(p, Value[int], mine).Await(co)
			if n == 0 || err != nil {
				return err
			}
		}
	})
}

func (s *postgres) queries(t *testing.T) {
	p := s.pool()
	live(t, p, func(co *deferred.Co) error {
		if _, err := p.Exec("CREATE TABLE person (id SERIAL PRIMARY KEY, name TEXT UNIQUE, born INTEGER)").Await(co); err != nil {
			return err
		}
		r, err := p.Exec("INSERT INTO person (name, born) VALUES ($1, $2), ($3, $4)", "Ann", 1970, "Bob", nil).Await(co)
		if want := (Result{RowsAffected: 2, LastInsertID: -1}); r != want || err != nil {
			t.Errorf("got %+v, %v, want %+v", r, err, want)
		}
		// Of a statement that fails nothing is left: the first row was good.
		_, err = p.Exec("INSERT INTO person (name) VALUES ('Cid'), ('Ann')").Await(co)
		if sqlState(err) != "23505" || !strings.HasPrefix(err.Error(), "database: exec: ") {
			t.Errorf("got %v, want a unique violation", err)
		}
		got, err := Query(p, (*person).scan, "SELECT id, name, born FROM person WHERE id < $1 ORDER BY id", 10).Await(co)
		want := []person{{1, "Ann", sql.NullInt64{Int64: 1970, Valid: true}}, {2, "Bob", sql.NullInt64{}}}
		if !slices.Equal(got, want) || err != nil {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
		if _, err := QueryRow(p, Value[int], "SELECT 1 WHERE false").Await(co); !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("got %v, want sql.ErrNoRows", err)
		}
		if _, err := Query(p, Value[int], "SELECT generate_series(1, 1000000000000)").Await(co); !errors.Is(err, ErrTooManyRows) {
			t.Errorf("got %v, want ErrTooManyRows", err)
		}
		if _, err := Query(p, Value[int], "SELEKT").Await(co); sqlState(err) != "42601" {
			t.Errorf("got %v, want a syntax error", err)
		}
		return nil
	})
}

func (s *postgres) transactions(t *testing.T) {
	p := s.pool()
	live(t, p, func(co *deferred.Co) error {
		if _, err := p.Exec("CREATE TABLE tally (n INTEGER)").Await(co); err != nil {
			return err
		}
		if err := count(t, co, p, "INSERT INTO tally VALUES ($1)"); err != nil {
			return err
		}
		level, err := Transact(p, &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true}, func(ctx context.Context, tx *sql.Tx) (level string, err error) {
			err = tx.QueryRowContext(ctx, "SHOW transaction_isolation").Scan(&level)
			return level, err
		}).Await(co)
		if level != "serializable" {
			t.Errorf("got isolation %q, %v, want what was asked for", level, err)
		}
		return err
	})
}

// An advisory lock belongs to a session: two functions cannot have it.
func (s *postgres) connections(t *testing.T) {
	p := s.pool()
	p.MaxConns = 2
	lock := func(inside func()) *deferred.Deferred[bool] {
		return WithConn(p, func(ctx context.Context, conn *sql.Conn) (ok bool, err error) {
			if err = conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock(7)").Scan(&ok); err == nil && ok {
				inside()
				_, err = conn.ExecContext(ctx, "SELECT pg_advisory_unlock(7)")
			}
			return ok, err
		})
	}
	live(t, p, func(co *deferred.Co) error {
		has, release := make(chan struct{}), make(chan struct{})
		first := lock(func() { close(has); <-release })
		off(co, func() { <-has })
		second, err := lock(func() {}).Await(co)
		close(release)
		ok, failed := first.Await(co)
		if third := must(lock(func() {}).Await(co)); !ok || second || !third {
			t.Errorf("got %v, %v, %v, want the second to be refused only", ok, second, third)
		}
		return errors.Join(err, failed)
	})
}

// Cancel reaches the server, which then does something else.
func (s *postgres) cancels(t *testing.T) {
	const sleeping = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(1000)'"
	p := s.pool()
	live(t, p, func(co *deferred.Co) error {
		until := func(want int) error {
			for {
				n, err := QueryRow(p, Value[int], sleeping).Await(co)
				if n == want || err != nil {
					return err
				}
			}
		}
		slow := p.Exec("SELECT pg_sleep(1000)")
		if err := until(1); err != nil {
			return err
		}
		slow.Cancel()
		if err := until(0); err != nil {
			return err
		}
		_, err := p.Exec("SELECT pg_sleep(1000)").Timeout(50 * time.Millisecond).Await(co)
		if !errors.Is(err, deferred.ErrTimeout) {
			t.Errorf("got %v, want a timeout", err)
		}
		return until(0)
	})
}

// A wrong password fails Start at once, and is not told; nor is the right one.
func (s *postgres) keepsSecrets(t *testing.T) {
	for _, dsn := range []twistor.Secret{
		s.dsn("Wrong-3"),
		twistor.Conceal("postgres://" + postgresUser + ":Wrong-3@/postgres?host=" + s.dir),
		twistor.Conceal(s.dsn("Wrong-3").Reveal() + " port=none"),
		twistor.Conceal("postgres://web:Wrong-3%zz@/postgres"),
	} {
		p := s.pool()
		p.DSN = dsn
		d := &desk{sim.NewClock(t), t, nil, p}
		err := d.do(d.start)
		if err == nil || err == errWaits || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "Wrong-3") {
			t.Errorf("got %v, want an error without the password", err)
		}
		if strings.Contains(d.Logged(), "Wrong-3") {
			t.Errorf("logged %s", d.Logged())
		}
	}
}

// A connection that the server ends under a call is lost; the next call has
// another one.
func (s *postgres) terminated(t *testing.T) {
	p := s.pool()
	live(t, p, func(co *deferred.Co) error {
		_, err := Transact(p, nil, func(ctx context.Context, tx *sql.Tx) (int, error) {
			_, err := tx.ExecContext(ctx, "INSERT INTO tally VALUES (1000)")
			if err == nil {
				_, err = tx.ExecContext(ctx, "SELECT pg_terminate_backend(pg_backend_pid())")
			}
			return 0, err
		}).Await(co)
		if !errors.Is(err, ErrLost) {
			t.Errorf("got %v, want ErrLost", err)
		}
		n, err := QueryRow(p, Value[int], "SELECT count(*) FROM tally WHERE n = 1000").Await(co)
		if n != 0 {
			t.Errorf("%d rows of a transaction that was lost, want none", n)
		}
		return err
	})
}

// The server is stopped under a call, with other connections idle, and started
// again: the call is lost, those meanwhile have no connection, and afterwards
// every one goes through.
func (s *postgres) restarted(t *testing.T, how syscall.Signal) {
	p := s.pool()
	p.MaxConns = 4
	live(t, p, func(co *deferred.Co) error {
		var calls []*deferred.Deferred[int]
		for range 4 {
			calls = append(calls, QueryRow(p, Value[int], "SELECT (pg_sleep(0.01) IS NULL)::int"))
		}
		if _, err := deferred.All(calls...).Await(co); err != nil {
			return err
		}
		begun := make(chan struct{})
		slow := Transact(p, nil, func(ctx context.Context, tx *sql.Tx) (int, error) {
			close(begun)
			_, err := tx.ExecContext(ctx, "SELECT pg_sleep(1000)")
			return 0, err
		})
		off(co, func() { <-begun })
		off(co, func() { s.stop(how) })
		if _, err := slow.Await(co); !errors.Is(err, ErrLost) {
			t.Errorf("under way: got %v, want ErrLost", err)
		}
		for range 5 {
			if _, err := p.Ping().Await(co); !errors.Is(err, ErrConnect) {
				t.Errorf("meanwhile: got %v, want ErrConnect", err)
			}
		}
		s.start()
		for {
			_, err := p.Ping().Await(co)
			if err == nil {
				break
			}
			if !errors.Is(err, ErrConnect) {
				return err
			}
		}
		for i := range 20 {
			if n, err := QueryRow(p, Value[int], "SELECT $1::int", i).Await(co); n != i || err != nil {
				t.Errorf("afterwards: got %d, %v, want %d", n, err, i)
			}
		}
		return nil
	})
}
